import { expect } from 'chai'
import { parseRouting } from '../../../src/config-routing.js'
import { strictUplinks } from '../../../src/core/routing/uplinks.js'

const two = parseRouting({ ospf: { area: 0, interfaces: ['eth1', 'bond0.5'] } }, 'routing')
const one = parseRouting({ ospf: { area: 0, interfaces: ['eth1'] } }, 'routing')

function sysctls(all: string, eth1: string, bond: string): Record<string, string> {
  return {
    'net.ipv4.conf.all.rp_filter': all,
    'net.ipv4.conf.eth1.rp_filter': eth1,
    'net.ipv4.conf.bond0/5.rp_filter': bond
  }
}

describe('strictUplinks', () => {
  it('names each one, and what to set', () => {
    const found = strictUplinks(two, sysctls('0', '2', '1'))
    expect(found).to.have.length(1)
    expect(found[0]).to.contain('of bond0.5 is strict').and.contain('net.ipv4.conf.bond0/5.rp_filter=2')
    expect(strictUplinks(two, sysctls('1', '0', '1'))).to.have.length(2)
  })

  it('takes the larger one of the values for the link and for all', () => {
    expect(strictUplinks(two, sysctls('2', '1', '1'))).to.deep.equal([])
    expect(strictUplinks(two, sysctls('1', '2', '2'))).to.deep.equal([])
    expect(strictUplinks(two, sysctls('1', '2', '0'))).to.have.length(1)
  })

  it('has nothing to say of one uplink, nor where nothing is known', () => {
    expect(strictUplinks(one, sysctls('1', '1', '1'))).to.deep.equal([])
    expect(strictUplinks(two, {})).to.deep.equal([])
  })
})
