/** What every Host must do with rates and marks. */
import { expect } from 'chai'
import type { Host } from '../../src/host/host.js'
import { keyOf } from '../../src/host/objects.js'
import type { HostObject, Mark, Shaper } from '../../src/host/objects.js'
import { testLink } from './test-link.js'
import { applied, expected, opsOf, ours } from './host-checks.js'

export const SHAPER: Shaper = {
  kind: 'shaper',
  link: 'nr-a',
  direction: 'in',
  rate: 1_261_667,
  burst: 202_907,
  limit: 79_468,
  settled: true
}
export const MARK: Mark = { kind: 'mark', link: 'nr-a', dscp: 46, settled: true }
/** Slow, fast, and at the ends of what the kernel can count. */
const NUMBERS: readonly Pick<Shaper, 'rate' | 'burst' | 'limit'>[] = [
  { rate: 1_000, burst: 255_000_000, limit: 49_152 },
  { rate: 126_166_667, burst: 156_250, limit: 7_570_000 },
  { rate: 4_294_967_295, burst: 1, limit: 4_294_967_295 }
]
const RATES: readonly HostObject[] = [SHAPER, { ...SHAPER, direction: 'out' }, MARK]

/** Declares the tests. */
export function rates(host: () => Host): void {
  for (const numbers of NUMBERS) {
    it(`lists a rate of ${String(numbers.rate)} bytes/s exactly as it was applied, also in place of another`, async () => {
      const objects = [testLink('a'), ...RATES]
      await applied(host(), 'add', objects)
      const others = objects.map((object) => (object.kind === 'shaper' ? { ...object, ...numbers } : object))
      await applied(host(), 'replace', others)
      expect(await ours(host())).to.deep.equal(expected(others))
    })
  }

  it('has no rate without a link', async () => {
    const shapers = RATES.filter(({ kind }) => kind === 'shaper')
    const failed = await host().apply(opsOf('add', shapers))
    expect([...failed.keys()]).to.have.members(shapers.map(keyOf))
    for (const error of failed.values()) expect(error).to.include({ code: 'kernel', errno: 'ENODEV' })
    await applied(host(), 'delete', shapers)
    expect((await ours(host())).filter(({ kind }) => kind === 'link')).to.deep.equal([])
  })

  it('tells links and directions apart', async () => {
    const links = [testLink('a'), testLink('b')]
    const others = RATES.map((object) => ({ ...object, link: 'nr-b' }))
    await applied(host(), 'add', [...links, ...RATES, ...others])
    await applied(host(), 'delete', [SHAPER, MARK])
    expect(await ours(host())).to.deep.equal(expected([...links, { ...SHAPER, direction: 'out' }, ...others]))
    await applied(host(), 'delete', [{ ...SHAPER, direction: 'out' }, ...others])
    expect(await ours(host())).to.deep.equal(expected(links))
  })

  it('replaces a mark, and has all of them', async () => {
    const marks = Array.from({ length: 64 }, (_, dscp): Mark => ({
      ...MARK,
      link: `nr-${String(dscp)}`,
      dscp
    }))
    await applied(host(), 'add', marks)
    expect(await ours(host())).to.deep.equal(expected(marks))
    const others = marks.map((mark) => ({ ...mark, dscp: 63 - mark.dscp }))
    await applied(host(), 'replace', others)
    expect(await ours(host())).to.deep.equal(expected(others))
    await applied(host(), 'delete', marks)
    expect(await ours(host())).to.deep.equal([])
  })
}
