import { expect } from 'chai'
import { NO_STREAK, afterCheck } from '../../src/model/health.js'
import type { HealthState } from '../../src/model/health.js'

/** The states after each of the results, `+` and `-`, with rise 2 and fall 3. */
function states(first: HealthState, results: string): string {
  let now = { state: first, streak: NO_STREAK }
  return Array.from(results)
    .map((result) => {
      now = afterCheck(now.state, now.streak, { isGood: result === '+', rise: 2, fall: 3 })
      return now.state[0]
    })
    .join('')
}

describe('afterCheck', () => {
  it('begins with the first success, however many failures come before', () => {
    expect(states('starting', '-----+')).to.equal('sssssh')
  })

  it('withdraws after so many failures in a row, not in sum', () => {
    expect(states('healthy', '--+--+---')).to.equal('hhhhhhhhu')
  })

  it('comes back after so many successes in a row', () => {
    expect(states('unhealthy', '+-+-++')).to.equal('uuuuuh')
  })

  it('counts anew after each change', () => {
    expect(states('healthy', '---++--+---')).to.equal('hhuuhhhhhhu')
  })
})
