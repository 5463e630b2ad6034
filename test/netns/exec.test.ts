import { expect } from 'chai'
import { exec } from '../../src/host/linux/exec.js'
import { withNetns } from '../../src/host/linux/netns.js'
import { Scratch, describeAsRoot, pathOf } from './scratch.js'

describe('exec', () => {
  it('gives the exit code and what was written', async () => {
    const result = await exec(['sh', '-c', 'cat; echo problem >&2; exit 3'], { input: 'text' })
    expect(result).to.deep.equal({ code: 3, stdout: 'text', stderr: 'problem\n' })
  })

  it('says that a program is missing', async () => {
    expect(await exec(['/no/such/program']))
      .to.include({ errno: 'ENOENT' })
      .and.not.have.property('code')
  })

  it('kills a program that takes too long', async () => {
    expect(await exec(['sleep', '60'], { timeoutMs: 20 })).to.include({ errno: 'ETIMEDOUT' })
  })

  it('kills a program that writes too much (flaw 11)', async () => {
    expect(await exec(['cat', '/dev/zero'])).to.include({ errno: 'EFBIG' })
  })

  it('does not mind a program that does not read its input', async () => {
    expect(await exec(['true'], { input: 'x'.repeat(1_000_000) })).to.include({ code: 0 })
  })

  it('reports a program that was killed', async () => {
    expect(await exec(['sh', '-c', 'kill -9 $$'])).to.include({ errno: 'EINTR' })
  })
})

describeAsRoot('exec inside of a network namespace', () => {
  it('runs the program there', async () => {
    const scratch = new Scratch()
    try {
      const netns = scratch.netns()
      const { stdout } = await exec(['ip', '-br', 'link'], {
        inside: (work) => withNetns(pathOf(netns), work)
      })
      expect(stdout.trim().split('\n')).to.have.lengthOf(1)
    } finally {
      await scratch.close()
    }
  })
})
