// Runs commands, one JSON array a line on standard input; answers with status, output and milliseconds, one line each.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

for await (const line of createInterface({ input: process.stdin })) {
  const [program, ...args] = JSON.parse(line)
  console.log(JSON.stringify(await measure(program, args)))
}

function measure(program, args) {
  const begin = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output, ms: performance.now() - begin }))
  })
}
