import { expect } from 'chai'
import { parseArgs, parseAttachment, parseCommand } from '../../src/cni/invocation.js'
import type { Invocation } from '../../src/cni/invocation.js'

const CALL: Invocation = {
  plugin: 'net-routed',
  command: 'ADD',
  containerId: 'c1',
  netns: '/run/netns/c1',
  ifName: 'eth0',
  args: '',
  input: '{}'
}

describe('parseCommand', () => {
  it('refuses a command that does not exist, and one that is not set', () => {
    expect(() => parseCommand({ ...CALL, command: 'add' })).to.throw(/CNI_COMMAND is "add": there are ADD,/)
    expect(() => parseCommand({ ...CALL, command: '' })).to.throw(/CNI_COMMAND is not set/)
  })
})

describe('parseAttachment', () => {
  it('names every variable that is missing', () => {
    const call = { ...CALL, containerId: '', netns: '', ifName: '' }
    expect(() => parseAttachment(call, true)).to.throw(/missing: CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME$/)
    expect(() => parseAttachment(call, false)).to.throw(/missing: CNI_CONTAINERID, CNI_IFNAME$/)
  })

  for (const ifName of ['.', '..', 'a/b', 'a:b', 'a b', 'a\tb', 'x'.repeat(16)]) {
    it(`refuses ${JSON.stringify(ifName)} as the name of an interface`, () => {
      expect(() => parseAttachment({ ...CALL, ifName }, true)).to.throw(/^CNI_IFNAME: /)
    })
  }

  for (const ifName of ['eth0', '...', 'x'.repeat(15), 'wlan-1.2']) {
    it(`takes ${ifName} as the name of an interface`, () => {
      expect(parseAttachment({ ...CALL, ifName }, true).ifName).to.equal(ifName)
    })
  }

  for (const containerId of ['-c1', '.c1', 'a/b', 'a:b', 'ä', 'x'.repeat(129)]) {
    it(`refuses ${JSON.stringify(containerId.slice(0, 10))} as the id of a container`, () => {
      expect(() => parseAttachment({ ...CALL, containerId }, true)).to.throw(/^CNI_CONTAINERID: /)
    })
  }

  it('takes ids as containerd and Kubernetes have them', () => {
    for (const containerId of ['k8s.io-web', 'x'.repeat(128), 'A_b.c-0'])
      expect(parseAttachment({ ...CALL, containerId }, true).containerId).to.equal(containerId)
  })
})

describe('parseArgs', () => {
  it('are pairs, whatever is in the values', () => {
    const args = parseArgs('IgnoreUnknown=1;K8S_POD_NAME=a=b; ip = 10.1.0.9 ;')
    expect([...args]).to.deep.equal([
      ['IGNOREUNKNOWN', '1'],
      ['K8S_POD_NAME', 'a=b'],
      ['IP', '10.1.0.9']
    ])
  })

  it('refuses what is no pair', () => {
    expect(() => parseArgs('IP')).to.throw(/^CNI_ARGS: "IP" is not of the form KEY=VALUE$/)
    expect(() => parseArgs('=x')).to.throw(/KEY=VALUE/)
  })
})
