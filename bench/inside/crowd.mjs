// crowd.mjs PLUGINS add|delete FROM TO - containers with hundreds of addresses each, of those with these numbers, attached or
// taken away. Two at once: a request may take ten seconds, and each address is a record.
import { execFileSync } from 'node:child_process'
import { call } from './net-routed.mjs'

const PER_CONTAINER = 500
const AT_ONCE = 2
const [plugins, verb, from, to] = process.argv.slice(2)
const left = portions(Number(from), Number(to))
await Promise.all(Array.from({ length: AT_ONCE }, worker))

async function worker() {
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    const name = `crowd${part.first}`
    if (verb === 'add') execFileSync('ip', ['netns', 'add', name])
    await call(plugins, verb === 'add' ? 'ADD' : 'DEL', name, addressesOf(part))
    if (verb === 'delete') execFileSync('ip', ['netns', 'delete', name])
  }
}

/** Whoever takes containers away cuts as they were cut when they were attached. */
function portions(first, last) {
  const count = Math.min(PER_CONTAINER - (first % PER_CONTAINER), last - first)
  return count > 0 ? [{ first, count }, ...portions(first + count, last)] : []
}

function addressesOf({ first, count }) {
  return Array.from({ length: count }, (_, at) => {
    const number = first + at + 1
    return `10.${16 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
  })
}
