import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { KernelError, UnavailableError } from '../../src/errors.js'
import { lockDirectory } from '../../src/host/linux/lock.js'

const MODULE = new URL('../../src/host/linux/lock.js', import.meta.url).href

describe('lockDirectory', () => {
  let directory: string
  let path: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'net-routed-'))
    path = directory
  })
  afterEach(() => {
    rmSync(directory, { recursive: true })
  })

  it('lets only one in at a time', () => {
    const release = lockDirectory(path)
    expect(() => lockDirectory(path)).to.throw(
      UnavailableError,
      `${path} is locked: another net-routed is running here`
    )
    release()
    lockDirectory(path)()
  })

  it('is free again when the other process is killed', async () => {
    const script = `import { lockDirectory } from '${MODULE}'; lockDirectory(process.argv[1]); console.log(); setInterval(() => 0, 1000)`
    const argv = ['--input-type=module', '-e', script, path]
    const other = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(other.stdout, 'data')
    expect(() => lockDirectory(path)).to.throw(UnavailableError)
    other.kill('SIGKILL')
    await once(other, 'exit')
    lockDirectory(path)()
  })

  it('says why it cannot be taken', () => {
    expect(() => lockDirectory(join(directory, 'none'))).to.throw(KernelError, 'ENOENT')
  })
})
