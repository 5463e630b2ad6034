import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { KernelError, UnavailableError } from '../../src/errors.js'
import { lockFile } from '../../src/host/linux/lock.js'

const MODULE = new URL('../../src/host/linux/lock.js', import.meta.url).href

describe('lockFile', () => {
  let directory: string
  let path: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'net-routed-'))
    path = join(directory, 'lock')
  })
  afterEach(() => {
    rmSync(directory, { recursive: true })
  })

  it('lets only one in at a time', () => {
    const release = lockFile(path)
    expect(() => lockFile(path)).to.throw(
      UnavailableError,
      `${path} is locked: another net-routed is running here`
    )
    release()
    lockFile(path)()
  })

  it('is free again when the other process is killed', async () => {
    const script = `import { lockFile } from '${MODULE}'; lockFile(process.argv[1]); console.log(); setInterval(() => 0, 1000)`
    const argv = ['--input-type=module', '-e', script, path]
    const other = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(other.stdout, 'data')
    expect(() => lockFile(path)).to.throw(UnavailableError)
    other.kill('SIGKILL')
    await once(other, 'exit')
    lockFile(path)()
  })

  it('says why it cannot be taken', () => {
    expect(() => lockFile(join(directory, 'none', 'lock'))).to.throw(KernelError, 'ENOENT')
  })
})
