/** Policies from options to host objects, through the whole daemon. */
import { expect } from 'chai'
import type { LookupAnswer } from '../src/host/lookup.js'
import { hostLinkName } from '../src/model/endpoint.js'
import { withRig } from './support/daemon.js'
import type { Options, Rig } from './support/daemon.js'
import { dockerId } from './support/docker.js'
import { errorOf } from './support/expect-error.js'
import { eventually } from './support/eventually.js'

const NET = dockerId(1)
const ONE = dockerId(11)
const TWO = dockerId(12)

function policyOf({ host }: Rig, id: string): unknown {
  const object = host.objects.get(`policy ${hostLinkName(id)}`)
  return object?.kind === 'policy' ? { ingress: object.ingress, egress: object.egress } : undefined
}

/** A network with these options and an endpoint with those. */
function withOne(
  {
    network = {},
    endpoint = {},
    ...options
  }: Options & { readonly network?: object; readonly endpoint?: object },
  test: (rig: Rig) => Promise<void>
): () => Promise<void> {
  return () =>
    withRig(options, async (rig) => {
      await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24', options: { ...network } })
      await rig.docker.run({ id: ONE, network: NET, options: { ...endpoint } })
      await test(rig)
    })
}

describe('policies of the daemon', () => {
  it(
    'are not there unless somebody wants one',
    withOne({}, (rig) => {
      expect([...rig.host.objects.keys()].filter((key) => key.startsWith('polic'))).to.deep.equal([])
      return Promise.resolve()
    })
  )

  it(
    'are there before there is a route, and until it is gone',
    withOne({ endpoint: { 'net-routed.ingress': '10.1.0.9' } }, async (rig) => {
      const order = (verb: string): (string | undefined)[] =>
        rig.host.log
          .filter((op) => op.verb === verb && ['policer', 'policy', 'route'].includes(op.object.kind))
          .map(({ object }) => object.kind)
      expect(order('add')).to.deep.equal(['policer', 'policy', 'route'])
      await rig.docker.stop(ONE)
      expect(order('delete')).to.deep.equal(['route', 'policy', 'policer'])
    })
  )

  it(
    'are gone with the last of those that go together',
    withOne({ network: { 'net-routed.ingress': 'none' } }, async (rig) => {
      await rig.docker.run({ id: TWO, network: NET })
      await Promise.all([rig.docker.stop(ONE), rig.docker.stop(TWO)])
      expect([...rig.host.objects.keys()].filter((key) => key.startsWith('polic'))).to.deep.equal([])
    })
  )

  it(
    'are those of the network, unless the endpoint has its own',
    withOne(
      {
        network: { 'net-routed.ingress': '10.1.0.9', 'net-routed.default': 'deny' },
        endpoint: { 'net-routed.ingress': 'any' }
      },
      async (rig) => {
        expect(policyOf(rig, ONE)).to.deep.equal({ ingress: 'any', egress: '' })
        await rig.docker.run({ id: TWO, network: NET })
        expect(policyOf(rig, TWO)).to.deep.equal({ ingress: '10.1.0.9-10.1.0.9 any', egress: '' })
      }
    )
  )

  it(
    'survive a restart, and are repaired',
    withOne({ endpoint: { 'net-routed.ingress': 'none' } }, async (rig) => {
      const next = await rig.restart()
      expect(policyOf(next, ONE)).to.deep.equal({ ingress: '', egress: 'any' })
      next.host.vanish('policer')
      await eventually('the policy is back', () => policyOf(next, ONE) !== undefined)
      expect(next.host.objects.has('policer')).to.equal(true)
    })
  )

  it(
    'that are wrong are refused with what would be right, and nothing is made',
    withOne({}, async (rig) => {
      const options = { 'net-routed.ingress': '10.1.0.9, 257.1.1.1' }
      const { message } = await errorOf(rig.docker.createEndpoint({ id: TWO, network: NET, options }))
      expect(message).to.include('net-routed.ingress: "257.1.1.1" is not an address, prefix or range')
      expect(rig.host.objects.has(`link ${hostLinkName(TWO)}`)).to.equal(false)
    })
  )

  it('follow what DNS says of their names, and keep it over a restart', async () => {
    const answers: Record<4 | 6, LookupAnswer> = {
      4: { addresses: ['192.0.2.7'], ttl: 3600 },
      6: { addresses: [], ttl: 60 }
    }
    const lookup = (_: string, family: 4 | 6): Promise<LookupAnswer> => Promise.resolve(answers[family])
    const endpoint = { 'net-routed.egress': 'a.example.com:tcp/443' }
    await withOne({ lookup, endpoint }, async (rig) => {
      const known = { ingress: 'any', egress: '192.0.2.7-192.0.2.7 6 443-443' }
      await eventually(
        'the name is known',
        () => JSON.stringify(policyOf(rig, ONE)) === JSON.stringify(known)
      )
      const before = rig.host.log.length
      const next = await rig.restart()
      expect(policyOf(next, ONE)).to.deep.equal(known)
      expect(rig.host.log.slice(before)).to.deep.equal([])
    })()
  })

  it(
    'with names that nobody knows allow nothing, and nobody waits',
    withOne({ endpoint: { 'net-routed.egress': 'a.example.com' } }, (rig) => {
      expect(policyOf(rig, ONE)).to.deep.equal({ ingress: 'any', egress: '' })
      return Promise.resolve()
    })
  )

  it(
    'tell what they have counted',
    withOne({ endpoint: { 'net-routed.ingress': 'none' } }, async (rig) => {
      const text = (await rig.daemon.pages['/metrics']?.())?.text ?? ''
      expect(text).to.include(
        `net_routed_policy_packets_total{link="${hostLinkName(ONE)}",direction="ingress",verdict="denied"} 0`
      )
      const status = (await rig.daemon.pages['/status']?.())?.text ?? ''
      expect(JSON.parse(status)).to.have.nested.property('endpoints[0].policy.ingress.denied.packets', 0)
    })
  )
})
