// load HOST SUBNET CYCLES [CANCELLED] - the life of CYCLES containers, 200 at once, told to the daemon of a lab host as
// dockerd does; a part CANCELLED (default 0.2) of the requests are given up at a random moment, by closing their
// connection, and what follows is what dockerd would do. All the while it looks whether the kernel has, for each container,
// what was answered about that one. Prints a JSON document: what happened, and the memory, file descriptors and records of
// the daemon before, after each third, and when everything is gone.
import { createConnection } from 'node:net'
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { create, engineOn, join, leave, release, remove } from '../../bench/engine.mjs'
import { daemonMemory, on, pathIn } from '../../bench/lab.mjs'
import { randomBytes } from 'node:crypto'

const CONCURRENCY = Number(process.env.CONCURRENCY ?? 200)
const LONGEST_PATIENCE_MS = 30
const LONGEST_LIFE_MS = 1_000
const REST_LIMIT_MS = 20_000
/** Between two looks at the kernel. */
const AUDIT_PAUSE_MS = 200
/** Links with their marks, routes and permanent neighbours, each as JSON on one line. */
const AUDIT = 'ip -j link show type veth; ip -j route show proto 200; ip -j neighbour show nud permanent'
const [host, subnet, cycles, cancelled = '0.2'] = process.argv.slice(2)
const socket = pathIn(host, '/run/docker/plugins/net-routed.sock')
const counts = { cycles: 0, cancelled: 0, undelivered: 0, looks: 0, seen: 0 }
const errors = []
/** Addresses that live endpoints have; nobody may get one twice. */
const taken = new Set()
/** Endpoints that have joined and have not begun to leave, with what was answered: by address. */
const joined = new Map()
let isOver = false

const engine = await engineOn(host, subnet)
const samples = [sample()]
const audits = auditAlways()
for (const third of thirds(Number(cycles))) {
  await inParallel(third, cycle)
  samples.push(await restingSample())
}
isOver = true
await audits
await post('NetworkDriver.DeleteNetwork', { NetworkID: engine.networkId })
await post('IpamDriver.ReleasePool', { PoolID: engine.poolId })
samples.push(sample())
console.log(JSON.stringify({ ...counts, errors: errors.slice(0, 5), numberOfErrors: errors.length, samples }))

/** One container from its address to its end, whatever happens in between. */
async function cycle() {
  counts.cycles++
  const Address = await addressOrNothing()
  if (Address === undefined) return
  const endpoint = { NetworkID: engine.networkId, EndpointID: randomBytes(32).toString('hex'), address: Address }
  if (taken.has(Address)) errors.push(`${Address} was given to two`)
  taken.add(Address)
  try {
    const isCreated = await maybe(async (ask) => {
      endpoint.mac = (await create({ ask }, endpoint)).Interface.MacAddress
    })
    const isJoined =
      isCreated &&
      (await maybe(async (ask) => {
        endpoint.peer = (await join({ ask }, endpoint)).InterfaceName.SrcName
      }))
    if (isJoined) {
      joined.set(Address, endpoint)
      await sleep(Math.random() * LONGEST_LIFE_MS)
      joined.delete(Address)
    }
    if (isJoined && (await maybe((ask) => leave({ ask }, endpoint))) !== true) await leave({ ask: post }, endpoint)
    if ((await maybe((ask) => remove({ ask }, endpoint))) !== true) await remove({ ask: post }, endpoint)
    taken.delete(Address)
    await release({ ask: post, poolId: engine.poolId }, endpoint)
  } catch (error) {
    errors.push(error.message)
  }
}

/** Whom the kernel has an address for, is looked at again and again, of all containers at once. */
async function auditAlways() {
  while (!isOver) {
    await audit()
    await sleep(AUDIT_PAUSE_MS)
  }
}

async function audit() {
  const asked = [...joined]
  const [links, routes, neighbours] = (await on(host, 'sh', '-c', AUDIT)).split('\n').map((line) => JSON.parse(line))
  const linkByAlias = new Map(links.map((link) => [link.ifalias, link]))
  const deviceByAddress = new Map(routes.map(({ dst, dev }) => [dst, dev]))
  const macByAddress = new Map(neighbours.map(({ dst, dev, lladdr }) => [`${dst} ${dev}`, lladdr]))
  counts.looks++
  for (const [address, endpoint] of asked) {
    if (joined.get(address) !== endpoint) continue // it may have been leaving meanwhile
    const [ip] = address.split('/')
    const link = linkByAlias.get(`net-routed endpoint ${endpoint.EndpointID}`)
    const device = deviceByAddress.get(ip)
    const found = [link?.link, device, macByAddress.get(`${ip} ${device}`)].join()
    const wanted = [endpoint.peer, link?.ifname, endpoint.mac].join()
    if (found !== wanted) errors.push(`${address} of ${endpoint.EndpointID}: the kernel has ${found}, not ${wanted}`)
    counts.seen++
  }
}

/** Nobody takes back an address whose answer was lost, except the daemon. */
async function addressOrNothing() {
  let answer
  const isDelivered = await maybe(async (ask) => {
    answer = await ask('IpamDriver.RequestAddress', { PoolID: engine.poolId, Address: '', Options: null })
  })
  if (!isDelivered) counts.undelivered++
  return isDelivered ? answer.Address : undefined
}

/** True if the request was answered, false if it was given up. An error is an error. */
async function maybe(work) {
  const isCancelled = Math.random() < Number(cancelled)
  if (!isCancelled) {
    await work(post)
    return true
  }
  counts.cancelled++
  try {
    await work((method, body) => post(method, body, Math.random() * LONGEST_PATIENCE_MS))
    return true
  } catch (error) {
    if (error.message === 'given up') return false
    throw error
  }
}

/** A request on a connection of its own; after `patienceMs` the connection is closed without another word. */
function post(method, body, patienceMs) {
  const payload = JSON.stringify(body ?? {})
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket)
    const chunks = []
    const timer =
      patienceMs === undefined
        ? undefined
        : setTimeout(() => {
            reject(new Error('given up'))
            connection.destroy()
          }, patienceMs)
    connection.on('data', (chunk) => chunks.push(chunk))
    connection.on('error', reject)
    connection.on('close', () => {
      clearTimeout(timer)
      const [head, text] = Buffer.concat(chunks).toString().split('\r\n\r\n')
      if (head.startsWith('HTTP/1.1 200')) resolve(JSON.parse(text))
      else reject(new Error(`${method}: ${text ?? 'no answer'}`))
    })
    connection.write(
      `POST /${method} HTTP/1.1\r\nHost: \r\nContent-Length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`
    )
  })
}

/** When the daemon has taken back what was given up, or does not within the limit. */
async function restingSample() {
  const deadline = performance.now() + REST_LIMIT_MS
  const [{ held, endpoints }] = samples
  let now = sample()
  while ((now.held !== held || now.endpoints !== endpoints) && performance.now() < deadline) {
    await sleep(AUDIT_PAUSE_MS)
    now = sample()
  }
  return now
}

function sample() {
  const [pid] = readFileSync(pathIn(host, '/run/daemon.lab'), 'utf8').split(' ')
  const records = (kind) => readdirSync(pathIn(host, `/var/lib/net-routed/${kind}`))
  const held = records('lease').filter((name) => /"held"/.test(read(`/var/lib/net-routed/lease/${name}`)))
  return {
    megabytes: Math.round(daemonMemory(host) / 1e5) / 10,
    descriptors: readdirSync(pathIn(host, `/proc/${pid}/fd`)).length,
    endpoints: records('endpoint').length,
    networks: records('network').length,
    held: held.length
  }
}

function read(path) {
  return readFileSync(pathIn(host, path), 'utf8')
}

function thirds(count) {
  const part = Math.ceil(count / 3)
  return [part, part, count - 2 * part]
}

async function inParallel(count, work) {
  const queue = Array.from({ length: count }).keys()
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const _ of queue) await work()
    })
  )
}
