// first-answer ROUNDS SOCKET COMMAND [ARG...] - starts the command, asks the socket until it answers, and kills the
// command. Prints the milliseconds from the start to the first answer of each round.
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../../bench/request.mjs'

const DEADLINE_MS = 30_000
const [rounds, socket, command, ...args] = process.argv.slice(2)

for (let round = 0; round < Number(rounds); round++) {
  const begin = performance.now()
  const daemon = spawn(command, args, { stdio: 'ignore' })
  const ended = new Promise((resolve) => daemon.once('exit', resolve))
  try {
    console.log(Math.round(await firstAnswer(begin)))
  } finally {
    daemon.kill('SIGKILL')
    await ended
  }
}

/** Milliseconds since `begin`. Throws the last refusal after the deadline. */
async function firstAnswer(begin) {
  for (;;) {
    try {
      await request(socket, 'Plugin.Activate')
      return performance.now() - begin
    } catch (error) {
      if (performance.now() - begin > DEADLINE_MS) throw error
      await sleep(5)
    }
  }
}
