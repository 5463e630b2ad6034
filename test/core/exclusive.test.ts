import { expect } from 'chai'
import fc from 'fast-check'
import { Exclusive } from '../../src/core/exclusive.js'
import { errorOf } from '../support/expect-error.js'

describe('Exclusive.run', () => {
  it('runs one piece of work of a key at a time, in the order of the calls, whatever fails and however long it takes', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom('a', 'b'), ticks: fc.nat(5), fails: fc.boolean() })),
        async (pieces) => {
          const exclusive = new Exclusive()
          const running = new Map<string, number>()
          const begun: number[] = []
          const done = pieces.map(({ key, ticks, fails }, index) =>
            exclusive.run(key, async () => {
              begun.push(index)
              running.set(key, (running.get(key) ?? 0) + 1)
              expect(running.get(key)).to.equal(1)
              for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
              running.set(key, 0)
              if (fails) throw new Error(String(index))
              return index
            })
          )
          const results = await Promise.allSettled(done)
          for (const [index, { status }] of results.entries())
            expect(status).to.equal(pieces[index]?.fails ? 'rejected' : 'fulfilled')
          for (const wanted of ['a', 'b']) {
            const order = begun.filter((index) => pieces[index]?.key === wanted)
            expect(order).to.deep.equal(order.toSorted((a, b) => a - b))
          }
        }
      )
    ))

  it('runs work of different keys side by side', async () => {
    const exclusive = new Exclusive()
    let release: () => void = () => undefined
    const held = exclusive.run('a', () => new Promise<void>((resolve) => (release = resolve)))
    expect(await exclusive.run('b', () => Promise.resolve('done'))).to.equal('done')
    release()
    await held
  })

  it('gives a failure to its own caller', async () => {
    const exclusive = new Exclusive()
    const failed = errorOf(exclusive.run('a', () => Promise.reject(new Error('mine'))))
    expect(await exclusive.run('a', () => Promise.resolve('next'))).to.equal('next')
    expect((await failed).message).to.equal('mine')
  })
})
