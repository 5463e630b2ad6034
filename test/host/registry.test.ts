import { expect } from 'chai'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileRegistry } from '../../src/host/linux/file-registry.js'
import { MemoryRegistry } from '../../src/host/registry.js'
import { registryContract } from '../contract/registry-contract.js'
import { errorOf } from '../support/expect-error.js'

registryContract('MemoryRegistry', () => ({ registry: new MemoryRegistry(), directory: '/registered' }))

describe('fileRegistry', () => {
  let parent: string
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'nrtest-'))
  })
  afterEach(() => {
    rmSync(parent, { recursive: true })
  })
  registryContract('fileRegistry', () => ({ registry: fileRegistry, directory: join(parent, 'registered') }))

  it('makes files that everybody can read, and leaves no others', async () => {
    await fileRegistry.put(join(parent, 'd/c1'), 'x')
    expect(statSync(join(parent, 'd/c1')).mode & 0o777).to.equal(0o644)
    expect(readdirSync(join(parent, 'd'))).to.deep.equal(['c1'])
  })

  it('says which file cannot be written', async () => {
    writeFileSync(join(parent, 'file'), '')
    const error = await errorOf(fileRegistry.put(join(parent, 'file/c1'), 'x'))
    expect(error).to.include({ code: 'store' })
    expect(error.message).to.include(`cannot write ${join(parent, 'file/c1')}`)
  })
})
