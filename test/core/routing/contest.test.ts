import { expect } from 'chai'
import { atMostFor, mayBeWrong, yieldsTo } from '../../../src/core/routing/contest.js'
import type { Announcer } from '../../../src/host/announcers.js'
import { DUPLICATES_MODES } from '../../../src/model/options/duplicates.js'
import { announcer } from '../../support/announcer.js'

/** As both of them would see themselves and the other. */
function losers(a: Announcer, b: Announcer, mode: 'refuse' | 'take-over'): string[] {
  return [...(yieldsTo(a, b, mode) ? [a.router] : []), ...(yieldsTo(b, a, mode) ? [b.router] : [])]
}

describe('yieldsTo', () => {
  it('refuse: the one that has been announced for longer stays', () => {
    expect(losers(announcer(1, { lifetime: 20 }), announcer(2, { lifetime: 400 }), 'refuse')).to.deep.equal([
      '1'
    ])
    expect(losers(announcer(1, { lifetime: 400 }), announcer(2, { lifetime: 20 }), 'refuse')).to.deep.equal([
      '2'
    ])
  })

  it('take-over: the one that was announced last stays, however often it was announced before', () => {
    const old = announcer(1, { age: 900, lifetime: 900 })
    const young = announcer(2, { age: 0, lifetime: 7200 })
    expect(losers(old, young, 'take-over')).to.deep.equal(['1'])
  })

  it('a race: the lower rank stays', () => {
    const [one, two] = [announcer(1, { age: 3, lifetime: 3 }), announcer(2, { age: 5, lifetime: 5 })]
    expect(losers(one, two, 'refuse')).to.deep.equal(['2'])
    expect(losers(one, two, 'take-over')).to.deep.equal(['2'])
  })

  it('never do both stay, even where they read ages that are some seconds apart', () => {
    for (const mode of ['refuse', 'take-over'] as const) {
      for (let age = 0; age < 60; age++) {
        for (let skew = -4; skew <= 4; skew++) {
          const times = (seconds: number): Partial<Announcer> => ({ age: seconds, lifetime: seconds })
          const [one, two] = [announcer(1, times(30)), announcer(2, times(age))]
          const seen = announcer(2, times(Math.max(0, age + skew)))
          const isLost = yieldsTo(one, seen, mode) || yieldsTo(two, one, mode)
          expect(isLost, `${mode}: 30 and ${String(age)}, read as ${String(age + skew)}`).to.equal(true)
        }
      }
    }
  })

  it('where there are no ages the lower rank stays, or the one that others have chosen', () => {
    const [one, two] = [announcer(1, { protocol: 'bgp' }), announcer(2, { protocol: 'bgp' })]
    expect(losers(one, two, 'refuse')).to.deep.equal(['2'])
    expect(yieldsTo(one, { ...two, isChosen: true }, 'refuse')).to.equal(true)
    const heard = (announcers: Announcer, at: number): Announcer => ({ ...announcers, heard: at })
    expect(yieldsTo(heard(one, 10), heard(two, 20), 'take-over')).to.equal(true)
    expect(yieldsTo(heard(one, 20), heard(two, 10), 'take-over')).to.equal(false)
  })

  it('nobody gives way to one that is leaving, to one of another protocol, or where it is only told', () => {
    const [one, two] = [announcer(1, { lifetime: 5 }), announcer(2, { lifetime: 500 })]
    expect(yieldsTo(one, two, 'warn')).to.equal(false)
    for (const mode of DUPLICATES_MODES) {
      expect(yieldsTo(one, { ...two, isLeaving: true }, mode)).to.equal(false)
      expect(yieldsTo(one, { ...two, protocol: 'bgp' }, mode)).to.equal(false)
    }
  })
})

describe('atMostFor', () => {
  const other = announcer(2, { age: 60, lifetime: 60 })

  it('bounds what was sent anew after the other one, which is what the database cannot tell from a failure', () => {
    const own = announcer(1, { age: 3, lifetime: 864_003 })
    expect(atMostFor(own, other, 5).lifetime).to.equal(5)
    expect(yieldsTo(atMostFor(own, other, 5), other, 'refuse')).to.equal(true)
    expect(atMostFor(own, other, 900_000).lifetime).to.equal(864_003)
    expect(mayBeWrong(other, own, 'refuse')).to.equal(true)
    expect(mayBeWrong(other, own, 'take-over')).to.equal(false)
  })

  it('leaves alone what was sent before the other one, which a container that was replaced does not change', () => {
    const own = announcer(1, { age: 900, lifetime: 864_900 })
    expect(atMostFor(own, other, 5)).to.equal(own)
    expect(mayBeWrong(other, own, 'refuse')).to.equal(false)
  })

  it('leaves alone what was sent once, and what has no age', () => {
    const [once, bgp] = [announcer(1, { age: 3, lifetime: 3 }), announcer(1, { protocol: 'bgp' })]
    expect(atMostFor(once, other, 1)).to.equal(once)
    expect(atMostFor(bgp, other, 1)).to.equal(bgp)
    expect(mayBeWrong(other, once, 'refuse')).to.equal(false)
  })
})
