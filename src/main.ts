/** The process: arguments, lock, store, kernel, sockets, signals, exit codes. */
import { readFileSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { networkInterfaces } from 'node:os'
import { ask } from './client.js'
import { helpText, parseCommand } from './command-line.js'
import type { Command, RoutingCommand } from './command-line.js'
import { socketPath } from './config.js'
import type { Config } from './config.js'
import { routing } from './routing-command.js'
import type { Printed } from './routing-command.js'
import { mapCommand } from './map-command.js'
import { drainCommand } from './drain-command.js'
import { setCommand } from './set-command.js'
import { verifyCommand } from './verify-command.js'
import { planRouters } from './core/routing/router-plans.js'
import type { RouterPlan } from './core/routing/router-plans.js'
import { loadDaemon } from './daemon.js'
import type { HostPort } from './config-values.js'
import type { Daemon } from './daemon.js'
import { desiredRouting, routerIdOf } from './desired/routing.js'
import { InvalidError, KernelError, RoutedError, UnavailableError, messageOf } from './errors.js'
import { linuxEnds } from './host/linux/container-ends.js'
import { fileRegistry } from './host/linux/file-registry.js'
import { lookup } from './host/linux/resolver.js'
import { linuxHost } from './host/linux/linux-host.js'
import { lockDirectory } from './host/linux/lock.js'
import { sendToUnixSocket } from './host/linux/syscalls.js'
import { dockerEngine } from './host/linux/docker.js'
import { linuxProber } from './host/linux/prober.js'
import { vtyIn } from './host/linux/vty.js'
import { fitHeap } from './heap.js'
import { application, listen, listenOn } from './http.js'
import { jsonLog } from './log.js'
import type { Log } from './log.js'
import type { Routing } from './model/routing.js'
import { statusText } from './status.js'
import type { Status } from './status.js'
import { FileStore } from './store/file-store.js'
import { notify, passedSockets } from './systemd.js'

const BOOT_ID = '/proc/sys/kernel/random/boot_id'
const EXIT_USAGE = 2
/** Requests under way get this long at a stop. */
const DRAIN_MS = 5_000
/** How often the number of records is looked at. */
const HEAP_MS = 10_000

void main()

async function main(): Promise<void> {
  try {
    await run(parseCommand(process.argv.slice(2), process.env))
  } catch (error) {
    process.stderr.write(`net-routed: ${messageOf(error)}\n`)
    if (!(error instanceof RoutedError))
      process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : ''}\n`)
    // Sockets may be open already.
    process.exit(error instanceof InvalidError ? EXIT_USAGE : 1)
  }
}

async function run(command: Command): Promise<void> {
  switch (command.name) {
    case 'help':
      print(helpText())
      break
    case 'version':
      print(version())
      break
    case 'status':
      print(await status(command.socket, command.json))
      break
    case 'forget':
      await ask(command.socket, '/Admin.Forget', { Network: command.network })
      break
    case 'routing':
      await printRouting(command)
      break
    case 'verify':
      printed(await verifyCommand(command))
      break
    case 'drain':
    case 'undrain':
      print(await drainCommand(command))
      break
    case 'set':
      print(await setCommand(command))
      break
    case 'map':
      print(await mapCommand(command))
      break
    case 'serve':
      await serve(command.config)
  }
}

async function serve(config: Config): Promise<void> {
  const log = jsonLog(config.debug ? 'debug' : 'info')
  process.on('uncaughtException', (error) => {
    die(log, error)
  })
  const running: Running = { servers: [] }
  const stop = once(() => {
    void shutDown(running, log)
  })
  process.on('SIGTERM', stop).on('SIGINT', stop)
  const store = await FileStore.open(config.stateDir, readFileSync(BOOT_ID, 'utf8').trim())
  lockDirectory(config.stateDir)
  const host = linuxHost({ protocol: config.routeProtocol, log })
  const now = (): Date => new Date()
  const { daemon, ready } = await loadDaemon({
    config,
    host,
    ends: linuxEnds,
    registry: fileRegistry,
    lookup,
    store,
    vty: vtyIn,
    prober: linuxProber(config.checkPrograms),
    engine: dockerEngine(config.dockerSocket),
    log,
    version: version(),
    now
  })
  running.daemon = daemon
  followHeap(daemon)
  running.servers = await openSockets(config, daemon, log)
  await ready
  tellSystemd('READY=1', log)
  log.info('ready', {
    version: version(),
    networks: daemon.records.count('network'),
    endpoints: daemon.records.count('endpoint'),
    ms: Math.round(performance.now())
  })
}

/** The number of records says how much there is to remember. */
function followHeap({ records }: Daemon): void {
  const fit = (): void => {
    fitHeap(records.count('endpoint') + records.count('lease'))
  }
  fit()
  setInterval(fit, HEAP_MS).unref()
}

/** What a signal has to stop; filled while starting, because a signal may come before the start is over. */
interface Running {
  daemon?: Daemon
  servers: readonly Server[]
}

/** Sockets that systemd passed, else our own; both drivers are served on all of them. */
async function openSockets(config: Config, daemon: Daemon, log: Log): Promise<Server[]> {
  const app = application({
    ...daemon,
    log,
    onBug: (error) => {
      die(log, error)
    }
  })
  const { metricsAddress } = config
  const metrics = metricsAddress ? [await listenForMetrics(metricsAddress, daemon, log)] : []
  const passed = passedSockets(process.env, process.pid)
  if (passed.size > 0) {
    return [...metrics, ...(await Promise.all([...passed.values()].map((fd) => listenOn(app, { fd }))))]
  }
  const paths = [...new Set([config.netsock, config.ipamsock, config.cnisock].map(socketPath))]
  const servers: Server[] = metrics
  for (const path of paths) {
    servers.push(await listen(app, path))
    process.on('exit', () => {
      removeSocket(path)
    })
  }
  return servers
}

/** Numbers only: the drivers stay on sockets that belong to root. */
async function listenForMetrics(address: HostPort, daemon: Daemon, log: Log): Promise<Server> {
  const pages = Object.fromEntries(Object.entries(daemon.pages).filter(([path]) => path === '/metrics'))
  const onBug = (error: unknown): void => {
    die(log, error)
  }
  try {
    return await listenOn(application({ ...daemon, methods: {}, pages, log, onBug }), address)
  } catch (error) {
    const where = `${address.host} port ${String(address.port)}`
    const isForbidden = error instanceof Error && 'code' in error && error.code === 'EAFNOSUPPORT'
    const advice = isForbidden ? ': the unit net-routed.service forbids TCP, metrics.conf allows it' : ''
    throw new UnavailableError(`cannot serve metrics on ${where}: ${messageOf(error)}${advice}`, {
      cause: error
    })
  }
}

/** Answers what is under way, takes the sockets away, leaves links and routes: containers go on. */
async function shutDown({ servers, daemon }: Running, log: Log): Promise<void> {
  tellSystemd('STOPPING=1', log)
  log.info('stopping, links and routes stay')
  setTimeout(() => process.exit(0), DRAIN_MS).unref()
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  await daemon?.stop()
  process.exit(0)
}

/** A systemd that does not hear us restarts us, or not; containers are none the worse for it. */
function tellSystemd(state: string, log: Log): void {
  try {
    notify(state, process.env, sendToUnixSocket)
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    log.warn('systemd cannot be told', { state, err: error.message })
  }
}

/** A bug: the state in memory cannot be trusted. The next start reads the records and repairs. */
function die(log: Log, error: unknown): void {
  log.error('unexpected error, exiting', {
    err: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined
  })
  process.exit(1)
}

async function status(socket: string, json: boolean): Promise<string> {
  const answer = await ask(socket, '/status')
  return json ? JSON.stringify(answer, undefined, 2) : statusText(answer as Status)
}

async function printRouting(command: RoutingCommand): Promise<void> {
  printed(await routing(command, planWithoutDaemon))
}

function printed({ text, exitCode }: Printed): void {
  if (text !== '') print(text)
  process.exitCode = exitCode
}

/** Without a running daemon there are no networks to know of. */
async function planWithoutDaemon(section: Routing): Promise<RouterPlan[]> {
  process.stderr.write('net-routed: no daemon answers: compared without the subnets of its networks\n')
  const routerId = routerIdOf(section, addressesByLink())
  const wanted = desiredRouting(section, { networks: [], ...(routerId === undefined ? {} : { routerId }) })
  return planRouters(wanted, { open: vtyIn(section.vty), written: () => undefined, isNeeded: true })
}

function addressesByLink(): Record<string, string[]> {
  const links = Object.entries(networkInterfaces())
  return Object.fromEntries(links.map(([name, found]) => [name, (found ?? []).map(({ address }) => address)]))
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return version
}

function removeSocket(path: string): void {
  rmSync(path, { force: true })
}

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    work()
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
