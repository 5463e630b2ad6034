// Runs the parts one after the other, prints each when it is done, and keeps everything for --json.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describe, machine } from './machine.mjs'
import * as cni from './parts/cni.mjs'
import * as daemon from './parts/daemon.mjs'
import * as distribution from './parts/distribution.mjs'
import * as docker from './parts/docker.mjs'
import * as firstPacket from './parts/first-packet.mjs'
import * as routingBulk from './parts/routing-bulk.mjs'
import * as routing from './parts/routing.mjs'
import * as policy from './parts/policy.mjs'
import * as traffic from './parts/traffic.mjs'
import { table } from './report.mjs'
import { sizes } from './sizes.mjs'

const PARTS = { daemon, docker, 'first-packet': firstPacket, traffic, distribution, cni }
/** Only when asked for: they wait for timers of protocols, or for thousands of containers. */
const LONG_PARTS = { routing, 'routing-bulk': routingBulk, policy }

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } })
const names = positionals.length > 0 ? positionals : Object.keys(PARTS)
const parts = { ...PARTS, ...LONG_PARTS }
const unknown = names.filter((name) => !(name in parts))
if (unknown.length > 0) {
  console.error(`bench: no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`)
  process.exit(2)
}

const began = performance.now()
const result = { began: new Date().toISOString(), machine: machine(), sizes, rows: [], failures: [] }
console.log(`Machine: ${describe(result.machine)}`)
for (const name of names) await measure(name)
console.log(`\nThe whole run took ${Math.round((performance.now() - began) / 1000)} s.`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`)
process.exit(result.failures.length > 0 ? 1 : 0)

async function measure(name) {
  const start = performance.now()
  try {
    const rows = (await parts[name].measure()).map((row) => ({ part: name, ...row }))
    result.rows.push(...rows)
    console.log(
      `\n== ${name}, ${Math.round((performance.now() - start) / 1000)} s: ${parts[name].title}${table(rows)}`
    )
  } catch (error) {
    result.failures.push({ part: name, error: String(error) })
    console.log(`\n== ${name}: could not be measured`)
    console.error(error.stack)
  }
}
