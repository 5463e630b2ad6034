import { expect } from 'chai'
import { parseDocument, parseNetConf } from '../../src/cni/netconf.js'
import type { NetConf } from '../../src/cni/netconf.js'
import { CONF } from '../support/cni.js'

function parse(fields: object, args: Readonly<Record<string, string>> = {}): NetConf {
  return parseNetConf({ ...CONF, ...fields }, new Map(Object.entries(args)))
}

describe('parseDocument', () => {
  for (const input of ['', '[]', 'null', '"x"', '{', '{"a":1}}']) {
    it(`refuses ${JSON.stringify(input)}`, () => {
      expect(() => parseDocument(input)).to.throw(/^the configuration is /)
    })
  }
})

describe('parseNetConf', () => {
  it('takes a subnet with its range and gateway', () => {
    const ipam = { type: 'ipam-routed', subnet: '10.1.0.0/16', range: '10.1.1.0/24', gateway: '10.1.0.1' }
    expect(parse({ ipam })).to.deep.include({
      ipam: { kind: 'own', subnets: [{ prefix: '10.1.0.0/16', range: '10.1.1.0/24' }] },
      gateway: '10.1.0.1'
    })
  })

  it('takes several subnets', () => {
    const subnets = [
      { subnet: '10.1.0.0/16', gateway: '10.1.0.1' },
      { subnet: 'fd00::/64', gateway: 'fd00::1' }
    ]
    expect(parse({ ipam: { subnets } })).to.deep.include({
      ipam: { kind: 'own', subnets: [{ prefix: '10.1.0.0/16' }, { prefix: 'fd00::/64' }] },
      gateway: '10.1.0.1',
      gateway6: 'fd00::1'
    })
  })

  for (const ipam of [undefined, null, {}, { type: '' }, { type: 'ipam-routed' }]) {
    it(`has no subnet of its own with ipam ${JSON.stringify(ipam)}`, () => {
      expect(parse({ ipam }).ipam).to.deep.equal({ kind: 'own', subnets: [] })
    })
  }

  it('leaves the IPAM of another plugin alone', () => {
    const ipam = {
      type: 'host-local',
      ranges: [[{ subnet: '10.1.0.0/16' }]],
      gateway: 'whatever',
      routes: [{ dst: 'x' }]
    }
    expect(parse({ ipam }).ipam).to.deep.equal({ kind: 'delegated', type: 'host-local' })
  })

  it('asks for addresses by runtimeConfig, before args, before CNI_ARGS', () => {
    const asked = {
      runtimeConfig: { ips: ['10.1.0.5/24', '10.1.0.5'] },
      args: { cni: { ips: ['10.1.0.6'] } }
    }
    expect(parse(asked, { IP: '10.1.0.7' }).ips).to.deep.equal(['10.1.0.5'])
    expect(parse({ args: asked.args }, { IP: '10.1.0.7' }).ips).to.deep.equal(['10.1.0.6'])
    expect(parse({}, { IP: '10.1.0.7,10.1.0.8' }).ips).to.deep.equal(['10.1.0.7', '10.1.0.8'])
    expect(parse({}).ips).to.deep.equal([])
  })

  it('asks for a MAC address in the same order', () => {
    const asked = { runtimeConfig: { mac: '02:00:00:00:00:01' } }
    expect(parse(asked, { MAC: '02:00:00:00:00:03' }).mac).to.equal('02:00:00:00:00:01')
    expect(parse({ args: { cni: { mac: '02:00:00:00:00:02' } } }).mac).to.equal('02:00:00:00:00:02')
    expect(parse({}, { MAC: '02-00-00-00-00-03' }).mac).to.equal('02:00:00:00:00:03')
  })

  it('has the name servers of the runtime, else its own, else those of its IPAM', () => {
    const own = { dns: { nameservers: ['10.0.0.1'] }, ipam: { dns: { nameservers: ['10.0.0.2'] } } }
    const asked = { runtimeConfig: { dns: { servers: ['10.0.0.3'], searches: ['lab'] } } }
    expect(parse({ ...own, ...asked }).dns).to.deep.equal({ nameservers: ['10.0.0.3'], search: ['lab'] })
    expect(parse(own).dns).to.deep.equal({ nameservers: ['10.0.0.1'] })
    expect(parse({ ipam: own.ipam }).dns).to.deep.equal({ nameservers: ['10.0.0.2'] })
  })

  it('ignores what is for others', () => {
    const others = {
      capabilities: { portMappings: true },
      foreign: { key: 1 },
      args: { 'org.apache.mesos': {} },
      runtimeConfig: { portMappings: [], aliases: ['a'] }
    }
    expect(parse(others).name).to.equal('mine')
  })

  const REFUSED: Readonly<Record<string, readonly [fields: object, message: RegExp]>> = {
    'a version that does not exist': [{ cniVersion: '9.9.9' }, /"9.9.9" is not supported: there are 0.1.0, /],
    'no name': [{ name: undefined }, /^name: there is none/],
    'a name with a slash': [{ name: '../x' }, /^name: "..\/x" is not one/],
    'an MTU that is none': [{ mtu: 'big' }, /^mtu must be integer, not "big"$/],
    'a subnet with host bits': [{ ipam: { subnet: '10.1.0.1/24' } }, /the subnet is 10.1.0.0\/24/],
    'a range outside of its subnet': [
      { ipam: { subnet: '10.1.0.0/24', range: '10.2.0.0/25' } },
      /does not lie in the subnet/
    ],
    'a range without subnet': [{ ipam: { range: '10.2.0.0/25' } }, /give ipam.subnet/],
    'two gateways of a family': [
      {
        ipam: {
          subnets: [
            { subnet: '10.1.0.0/24', gateway: '10.1.0.1' },
            { subnet: '10.2.0.0/24', gateway: '10.2.0.1' }
          ]
        }
      },
      /one for each family, not 10.1.0.1 and 10.2.0.1/
    ],
    'a gateway of the other family': [
      { ipam: { subnet: '10.1.0.0/24', gateway: 'fd00::1' } },
      /not of the family/
    ],
    'an address that is none': [{ runtimeConfig: { ips: ['here'] } }, /^ips: "here" is not an IP address/],
    'rates, rather than to ignore them': [
      { runtimeConfig: { ipRanges: [[{ subnet: '10.1.0.0/24' }]] } },
      /ipRanges: net-routed does not do that/
    ],
    'a port mapping without port of the container': [
      { runtimeConfig: { portMappings: [{ hostPort: 80 }] } },
      /portMappings.0 must have required property 'containerPort'/
    ],
    'a prevResult that is none': [{ prevResult: { ips: 'x' } }, /^prevResult is not a result: ips /]
  }
  for (const [what, [fields, message]] of Object.entries(REFUSED)) {
    it(`refuses ${what}`, () => {
      expect(() => parse(fields)).to.throw(message)
    })
  }
})
