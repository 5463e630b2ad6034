/** What every Host must do with policies. */
import { expect } from 'chai'
import type { Host } from '../../src/host/host.js'
import { keyOf } from '../../src/host/objects.js'
import type { HostObject } from '../../src/host/objects.js'
import type { Policy } from '../../src/host/policies.js'
import { applied, expected, opsOf, ours } from './host-checks.js'

export const POLICER: HostObject = { kind: 'policer', intact: true }

const LIST = [
  '0.0.0.0-9.255.255.255 1',
  '10.0.0.0-10.255.255.255 any',
  '192.0.2.1-192.0.2.1 6 80-80',
  '192.0.2.1-192.0.2.1 6 8000-8010',
  '192.0.2.1-192.0.2.1 17',
  '192.0.2.3-192.0.2.9 132 1-65535',
  '2001:db8::-2001:db8::ffff 6 443-443',
  'fd00::-fd00::ffff:ffff:ffff:ffff any',
  'fd01::2-fd01::2 58'
].join(', ')
/** Each alone in its set, beside each other, and all there is. */
const LISTS = [...LIST.split(', '), LIST, '', 'any']
/** Links by what may come to them and from them. */
export const POLICIES: readonly Policy[] = [
  ...LISTS.map((ingress, at) => policy(`nr-i${String(at)}`, ingress, LIST)),
  ...LISTS.map((egress, at) => policy(`nr-e${String(at)}`, LIST, egress))
]
const A = policy('nr-a', LIST, '')

function policy(link: string, ingress: string, egress: string): Policy {
  return { kind: 'policy', link, ingress, egress }
}

/** Declares the tests. */
export function policies(host: () => Host): void {
  it('has no policies without a policer', async () => {
    const failed = await host().apply(opsOf('add', POLICIES))
    expect([...failed.keys()]).to.have.members(POLICIES.map(keyOf))
    for (const error of failed.values()) expect(error).to.include({ code: 'kernel', errno: 'ENOENT' })
    await applied(host(), 'delete', POLICIES)
    expect(await ours(host())).to.deep.equal([])
  })

  it('deletes with a policer its policies, and keeps them when it is replaced', async () => {
    await applied(host(), 'add', [POLICER, ...POLICIES])
    await applied(host(), 'replace', [POLICER])
    expect(await ours(host())).to.deep.equal(expected([POLICER, ...POLICIES]))
    await applied(host(), 'delete', [POLICER])
    await applied(host(), 'add', [POLICER])
    expect(await ours(host())).to.deep.equal([POLICER])
  })

  it('deletes one policy and no other', async () => {
    await applied(host(), 'add', [POLICER, ...POLICIES])
    for (const [at, one] of POLICIES.entries()) {
      await applied(host(), 'delete', [one])
      expect(await ours(host())).to.deep.equal(expected([POLICER, ...POLICIES.slice(at + 1)]))
    }
  })

  it('replaces any policy by any other', async () => {
    await applied(host(), 'add', [POLICER, A, policy('nr-b', LIST, '')])
    for (const { ingress, egress } of [...POLICIES, ...POLICIES.toReversed()]) {
      await applied(host(), 'replace', [policy('nr-a', ingress, egress)])
      expect(await ours(host())).to.deep.equal(
        expected([POLICER, policy('nr-a', ingress, egress), policy('nr-b', LIST, '')])
      )
    }
  })

  it('takes a list as long as it may be', async () => {
    const long = Array.from({ length: 4000 }, (_, at) => {
      const address = `10.${String(at >> 8)}.${String(at & 255)}.7`
      return `${address}-${address} 6 ${String(at + 1)}-${String(at + 1)}`
    }).join(', ')
    await applied(host(), 'add', [POLICER, policy('nr-a', long, 'any')])
    expect(await ours(host())).to.deep.equal([POLICER, policy('nr-a', long, 'any')])
  })

  it('counts from nothing', async () => {
    await applied(host(), 'add', [POLICER, A])
    const nothing = { packets: 0, bytes: 0 }
    const none = { accepted: nothing, denied: nothing }
    expect([...(await host().policed())]).to.deep.equal([['nr-a', { ingress: none, egress: none }]])
  })
}
