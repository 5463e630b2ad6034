// crowd.mjs PLUGINS add|delete ADDRESSES - containers with a thousand addresses each, attached or taken away, several at once.
import { execFileSync } from 'node:child_process'
import { call } from './net-routed.mjs'

const PER_CONTAINER = 1000
const AT_ONCE = 8
const [plugins, verb, addresses] = process.argv.slice(2)
const left = Array.from({ length: Math.ceil(Number(addresses) / PER_CONTAINER) }, (_, at) => at)
await Promise.all(Array.from({ length: AT_ONCE }, worker))

async function worker() {
  for (let at = left.shift(); at !== undefined; at = left.shift()) {
    const name = `crowd${at}`
    if (verb === 'add') execFileSync('ip', ['netns', 'add', name])
    await call(plugins, verb === 'add' ? 'ADD' : 'DEL', name, addressesOf(at))
    if (verb === 'delete') execFileSync('ip', ['netns', 'delete', name])
  }
}

function addressesOf(container) {
  const count = Math.min(PER_CONTAINER, Number(addresses) - container * PER_CONTAINER)
  return Array.from({ length: count }, (_, at) => {
    const number = container * PER_CONTAINER + at + 1
    return `10.${16 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
  })
}
