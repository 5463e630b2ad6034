/** What every Host must do with the guard and its sources. */
import { expect } from 'chai'
import type { Host } from '../../src/host/host.js'
import { keyOf } from '../../src/host/objects.js'
import type { Guard, Source } from '../../src/host/objects.js'
import { testLink } from './test-link.js'
import { applied, expected, opsOf, ours } from './host-checks.js'

export const GUARD: Guard = { kind: 'guard', intact: true }
export const SOURCE: Source = { kind: 'source', link: 'nr-a', address: '10.1.0.2' }
export const SOURCE6: Source = { kind: 'source', link: 'nr-a', address: 'fd00::2' }

/** Declares the tests. */
export function guards(host: () => Host): void {
  it('has no sources without a guard', async () => {
    const failed = await host().apply(opsOf('add', [SOURCE, SOURCE6, testLink('a')]))
    expect([...failed.keys()]).to.have.members([SOURCE, SOURCE6].map(keyOf))
    for (const error of failed.values()) expect(error).to.include({ code: 'kernel', errno: 'ENOENT' })
    await applied(host(), 'delete', [SOURCE, SOURCE6])
    expect(await ours(host())).to.deep.equal(expected([testLink('a')]))
  })

  it('deletes with a guard its sources and counters', async () => {
    await applied(host(), 'add', [GUARD, SOURCE, SOURCE6])
    expect((await host().dropped()).get('spoofed-ipv4')).to.equal(0)
    await applied(host(), 'delete', [GUARD])
    expect([...(await host().dropped()), ...(await ours(host()))]).to.deep.equal([])
    await applied(host(), 'add', [GUARD])
    expect(await ours(host())).to.deep.equal([GUARD])
  })

  it('keeps the sources when a guard is replaced', async () => {
    await applied(host(), 'add', [GUARD, SOURCE, SOURCE6])
    await applied(host(), 'replace', [GUARD])
    expect(await ours(host())).to.deep.equal(expected([GUARD, SOURCE, SOURCE6]))
  })

  it('tells sources apart by link and by address', async () => {
    const sources = [SOURCE, { ...SOURCE, link: 'nr-b' }, { ...SOURCE, address: '10.1.0.3' }, SOURCE6]
    await applied(host(), 'add', [GUARD, ...sources])
    await applied(host(), 'delete', [SOURCE])
    expect(await ours(host())).to.deep.equal(expected([GUARD, ...sources.slice(1)]))
  })
}
