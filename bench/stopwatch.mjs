import { createInterface } from 'node:readline'
import { inside, start } from './lab.mjs'

/**
 * A function that runs a command in the host, and gives its milliseconds and output. One process in the host serves all
 * commands, so that entering the host is not measured.
 */
export function stopwatch(host) {
  const child = start(host, 'node', inside('stopwatch.mjs'))
  let complaints = ''
  child.stderr.on('data', (text) => (complaints += text))
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async (...command) => {
    child.stdin.write(`${JSON.stringify(command)}\n`)
    const { value, done } = await answers.next()
    if (done) throw new Error(`the stopwatch of host ${host} ended: ${complaints}`)
    const { status, output, ms } = JSON.parse(value)
    if (status !== 0) throw new Error(`${command.join(' ')}: status ${status}: ${output}`)
    return { ms, output }
  }
}
