import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { expect } from 'chai'
import { KernelError } from '../../src/errors.js'
import { withNetns } from '../../src/host/linux/netns.js'
import { Scratch, describeAsRoot, pathOf } from './scratch.js'

const NETNS = '/proc/thread-self/ns/net'
/** The pool is used for the first time after a visit to another namespace: its threads must be at home nevertheless. */
const SCRIPT = `
import { readlink } from 'node:fs/promises'
import { readlinkSync } from 'node:fs'
import { withNetns } from '${new URL('../../src/host/linux/netns.js', import.meta.url).href}'
const home = readlinkSync('${NETNS}')
withNetns(process.argv[1], () => readlink('/').catch(() => undefined))
const seen = await Promise.all(Array.from({ length: 50 }, () => readlink('${NETNS}')))
console.log(seen.every((one) => one === home))
`

const REFUSED = `
import { refusal } from '${new URL('../../src/host/linux/end-additions.js', import.meta.url).href}'
console.log(refusal()?.errno)
`

describeAsRoot('withNetns', () => {
  let scratch: Scratch
  beforeEach(() => {
    scratch = new Scratch()
  })
  afterEach(() => scratch.close())

  it('works there and comes back', () => {
    const path = pathOf(scratch.netns())
    const home = readlinkSync(NETNS)
    const [there, links] = withNetns(path, () => [readlinkSync(NETNS), readFileSync('/proc/net/dev', 'utf8')])
    expect(there).to.not.equal(home)
    expect(links.trim().split('\n')).to.have.lengthOf(3)
    expect(readlinkSync(NETNS)).to.equal(home)
  })

  it('comes back after an error', () => {
    const path = pathOf(scratch.netns())
    const home = readlinkSync(NETNS)
    const work = (): never => {
      throw new TypeError('inside')
    }
    expect(() => withNetns(path, work)).to.throw(TypeError, 'inside')
    expect(readlinkSync(NETNS)).to.equal(home)
  })

  it('says that a namespace does not exist', () => {
    expect(() => withNetns('/run/netns/none', () => 1)).to.throw(KernelError, '/run/netns/none')
  })

  it('says that a file is not a namespace', () => {
    expect(() => withNetns('/etc/hostname', () => 1)).to.throw(KernelError, 'EINVAL')
  })

  it('says that it is not permitted, and lives on', () => {
    const argv = ['--bounding-set=-all,+net_admin', process.execPath, '--input-type=module', '-e', REFUSED]
    expect(execFileSync('setpriv', argv, { encoding: 'utf8' })).to.equal('EPERM\n')
  })

  it('leaves no thread of the pool behind', () => {
    const argv = ['--input-type=module', '-e', SCRIPT, pathOf(scratch.netns())]
    expect(execFileSync(process.execPath, argv, { encoding: 'utf8' })).to.equal('true\n')
  })
})
