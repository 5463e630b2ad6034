// container.mjs PLUGINS add|delete NAME ADDRESS... - a network namespace, attached to net-routed with these addresses or taken away.
// container.mjs PLUGINS replace:MS NAME ADDRESS... - taken away, and another one attached so much later. Prints for how long,
// in milliseconds, there was none.
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { call } from './net-routed.mjs'

const [plugins, verb, name, ...ips] = process.argv.slice(2)
const [what, pause] = verb.split(':')
if (what === 'add') await add()
if (what === 'delete') await remove()
if (what === 'replace') {
  const began = performance.now()
  await remove()
  await sleep(Number(pause))
  await add()
  console.log(Math.round(performance.now() - began))
}

async function add() {
  execFileSync('ip', ['netns', 'add', name])
  await call(plugins, 'ADD', name, ips)
}

async function remove() {
  await call(plugins, 'DEL', name, ips)
  execFileSync('ip', ['netns', 'delete', name])
}
