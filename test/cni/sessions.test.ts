import { expect } from 'chai'
import { Sessions } from '../../src/cni/sessions.js'
import type { DelegateCall, Outcome, RunDelegate, Turn } from '../../src/cni/sessions.js'
import { errorOf } from '../support/expect-error.js'

const CALL: DelegateCall = { type: 'bridge', env: { CNI_COMMAND: 'ADD' }, input: '{}' }
const DONE: Outcome = { exit: 0, output: 'done' }

function ticketOf(turn: Turn): string {
  if (turn.kind !== 'run') throw new Error('no delegate is to be run')
  return turn.ticket
}

describe('Sessions', () => {
  it('print what a command without delegates returns', async () => {
    const turn = await new Sessions().begin('a', () => Promise.resolve(DONE))
    expect(turn).to.deep.equal({ kind: 'print', outcome: DONE })
  })

  it('go back and forth for each delegate', async () => {
    const sessions = new Sessions()
    const heard: string[] = []
    const first = await sessions.begin('a', async (run) => {
      for (let time = 0; time < 3; time++) heard.push((await run(CALL)).output)
      return DONE
    })
    let turn = first
    for (const output of ['one', 'two', 'three']) {
      expect(turn).to.deep.include({ kind: 'run', call: CALL })
      turn = await sessions.resume(ticketOf(turn), { exit: 0, output })
    }
    expect(heard).to.deep.equal(['one', 'two', 'three'])
    expect(turn).to.deep.equal({ kind: 'print', outcome: DONE })
    expect(await errorOf(resumed(sessions, first))).to.include({ code: 'not-found' })
  })

  it('end a command for which another one comes, and then both know', async () => {
    const sessions = new Sessions()
    const errors: Promise<Error>[] = []
    await sessions.begin('a', async (run) => {
      errors.push(errorOf(run(CALL)))
      await Promise.all(errors)
      return DONE
    })
    const other = await sessions.begin('b', waiting)
    await sessions.begin('a', () => Promise.resolve(DONE))
    expect(await errors[0]).to.include({ code: 'timeout' })
    expect(await resumed(sessions, other)).to.deep.equal({ kind: 'print', outcome: DONE })
  })

  it('run nothing any more for a caller that has gone', async () => {
    const sessions = new Sessions()
    const errors: Error[] = []
    const turn = await sessions.begin('a', async (run) => {
      errors.push(await errorOf(run(CALL)), await errorOf(run(CALL)))
      return DONE
    })
    sessions.abort(ticketOf(turn))
    await Promise.resolve()
    const error = await errorOf(resumed(sessions, turn).then(() => resumed(sessions, turn)))
    expect(error).to.include({ code: 'not-found' })
    expect(errors.map(({ message }) => message)).to.deep.equal([
      'no result of a delegate: the caller has gone',
      'cannot run bridge: the caller has gone'
    ])
  })

  it('pass on what nobody expected', async () => {
    const error = await errorOf(new Sessions().begin('a', () => Promise.reject(new Error('a bug'))))
    expect(error.message).to.equal('a bug')
  })
})

async function waiting(run: RunDelegate): Promise<Outcome> {
  await run(CALL)
  return DONE
}

function resumed(sessions: Sessions, turn: Turn): Promise<Turn> {
  return sessions.resume(ticketOf(turn), { exit: 0, output: '' })
}
