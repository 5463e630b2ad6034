/** What random lists cannot show: connections that are there already, counters, and what somebody else does to the table. */
import { spawn } from 'node:child_process'
import { expect } from 'chai'
import type { LinuxHost } from '../../src/host/linux/linux-host.js'
import type { HostObject } from '../../src/host/objects.js'
import type { Policy } from '../../src/host/policies.js'
import { A, B, GATEWAY6, add, forward, start } from './containers.js'
import { Prober } from './probers.js'
import type { Outcome } from './prober.js'
import { Scratch, describeAsRoot, inNetns, ip, until } from './scratch.js'

const PORT = 80
const LIMIT_MS = 10_000
const POLICER: HostObject = { kind: 'policer', intact: true }
const FROM_B = `${B.address}-${B.address} 6 ${String(PORT)}-${String(PORT)}`

function policy(link: string, ingress: string, egress = 'any'): Policy {
  return { kind: 'policy', link, ingress, egress }
}

describeAsRoot('policies of linuxHost', () => {
  let scratch: Scratch
  let netns: string
  let host: LinuxHost
  let probers: Prober[]
  beforeEach(async () => {
    scratch = new Scratch()
    probers = []
    netns = scratch.netns()
    host = scratch.host(netns)
    await forward(host)
    await add(host, [POLICER])
  })
  afterEach(async () => {
    for (const prober of probers) await prober.stop()
    await scratch.close()
  })

  async function run(container: typeof A): Promise<{ readonly inner: string; readonly prober: Prober }> {
    const inner = await start({ scratch, host }, container)
    const prober = await Prober.start(inner, [PORT], [container.address, container.address6])
    probers.push(prober)
    return { inner, prober }
  }

  async function tcp(from: Prober, address: string, port = PORT): Promise<Outcome | undefined> {
    return (await from.probe([{ protocol: 'tcp', address, port }], LIMIT_MS))[0]
  }

  it('let a connection be that was made before', async () => {
    const [a, b] = [await run(A), await run(B)]
    const server = spawn('ip', ['netns', 'exec', a.inner, process.execPath, '-e', ECHO])
    await until(() => listens(a.inner), 'the server listens', LIMIT_MS)
    const client = spawn('ip', ['netns', 'exec', b.inner, process.execPath, '-e', CLIENT])
    let heard = ''
    client.stdout.on('data', (data: Buffer) => (heard += data.toString()))
    const say = async (text: string): Promise<void> => {
      client.stdin.write(text)
      await until(() => heard.endsWith(text), `${text} comes back`, LIMIT_MS)
    }
    try {
      await say('before')
      await add(host, [policy('nr-a', '', ''), policy('nr-b', '', '')])
      await say('after')
      expect(await tcp(b.prober, A.address)).to.equal('refused')
    } finally {
      client.kill()
      server.kill()
    }
  }).timeout(3 * LIMIT_MS)

  it('count what they let pass and what they refuse', async () => {
    const [a, b] = [await run(A), await run(B)]
    await add(host, [policy('nr-a', FROM_B, ''), policy('nr-b', 'any', 'any')])
    expect(await tcp(b.prober, A.address)).to.equal('open')
    expect(await tcp(b.prober, A.address6)).to.equal('refused')
    expect(await tcp(a.prober, B.address)).to.equal('refused')
    const counts = await host.policed()
    expect([...counts.keys()]).to.deep.equal(['nr-a'])
    const { ingress, egress } = counts.get('nr-a') ?? expect.fail('no counters')
    expect(ingress.accepted.packets).to.be.within(3, 6)
    expect(ingress.accepted.bytes).to.be.within(3 * 40, 6 * 80)
    expect(ingress.denied.packets).to.equal(1)
    expect(ingress.denied.bytes).to.be.within(60, 80)
    expect(egress.accepted.packets).to.be.within(2, 6)
    expect(egress.denied.packets).to.equal(1)
    await host.apply([{ verb: 'replace', object: policy('nr-a', '', '') }])
    expect((await host.policed()).get('nr-a')?.ingress.denied.packets).to.equal(1)
  }).timeout(3 * LIMIT_MS)

  it('leave a container that may send nothing its neighbours', async () => {
    const a = await run(A)
    const b = await run(B)
    await add(host, [policy('nr-a', 'any', '')])
    ip(a.inner, '-6 neigh flush dev eth0')
    expect(await tcp(b.prober, A.address6)).to.equal('open')
    expect(() => inNetns(a.inner, 'ping', '-n', '-c', '1', '-W', '1', `${GATEWAY6}%eth0`)).to.throw()
    expect(ip(a.inner, '-6 neigh show dev eth0')).to.include(`${GATEWAY6} lladdr`)
  }).timeout(3 * LIMIT_MS)

  it('see the client of a published port', async () => {
    const [a, b] = [await run(A), await run(B)]
    const port = {
      kind: 'port',
      protocol: 'tcp',
      host: '0.0.0.0',
      hostPort: 8080,
      address: A.address,
      port: PORT
    }
    ip(netns, 'addr add 198.51.100.1/32 dev lo')
    await add(host, [{ kind: 'publisher', intact: true }, port as HostObject, policy('nr-a', FROM_B)])
    expect(await tcp(b.prober, '198.51.100.1', 8080)).to.equal('open')
    await host.apply([{ verb: 'replace', object: policy('nr-a', FROM_B.replaceAll(B.address, '192.0.2.9')) }])
    expect(await tcp(b.prober, '198.51.100.1', 8080)).to.equal('refused')
    expect(await tcp(a.prober, B.address)).to.equal('open')
  }).timeout(3 * LIMIT_MS)

  describe('are right again after', () => {
    const policies = [policy('nr-a', FROM_B, ''), policy('nr-b', FROM_B, 'any')]
    const list = 'net-routed-policy'
    const tricks: Record<string, (rules: string) => string> = {
      'the table is deleted': () => `delete table inet ${list}`,
      'everything is flushed': () => 'flush ruleset',
      'a rule is added': () => `insert rule inet ${list} to-link accept`,
      'a chain is flushed': () => `flush chain inet ${list} refuse-ingress`,
      'a list is opened': (rules) =>
        `add element inet ${list} ${setIn(rules)} { 192.0.2.0/24 . 6 . 1-65535 }`,
      'a list is emptied': (rules) => `flush set inet ${list} ${setIn(rules)}`,
      'a list gets another rule': (rules) => `insert rule inet ${list} ${chainIn(rules)} accept`,
      'a link is freed': () => `delete element inet ${list} restricted-ingress { "nr-a" }`,
      'a counter is gone': () => `delete element inet ${list} refused-ingress { "nr-a" }`,
      'a link is led elsewhere': () => `delete element inet ${list} lists-ingress { "nr-a" }`
    }
    for (const [what, trick] of Object.entries(tricks)) {
      it(what, async () => {
        await add(host, policies)
        expect(await host.list(['policer', 'policy'])).to.have.deep.members([POLICER, ...policies])
        const changes: string[] = []
        const stop = host.watch(({ key }) => changes.push(key ?? 'anything'))
        inNetns(netns, 'nft', trick(inNetns(netns, 'nft', 'list', 'table', 'inet', list)))
        await until(() => changes.includes('policer'), 'the event comes')
        stop()
        const found = await host.list(['policer', 'policy'])
        expect(found).to.not.have.deep.members([POLICER, ...policies])
        const ops = [POLICER, ...policies].map((object) => ({ verb: 'replace', object }) as const)
        expect([...(await host.apply(ops)).values()].map(({ message }) => message)).to.deep.equal([])
        expect(await host.list(['policer', 'policy'])).to.have.deep.members([POLICER, ...policies])
      })
    }
  })

  it('are no news when they are changed by us', async () => {
    await add(host, [policy('nr-z', FROM_B)])
    const changes: string[] = []
    const stop = host.watch(({ key }) => changes.push(key ?? 'anything'))
    for (const ingress of [FROM_B, '', 'any', FROM_B]) await add(host, [policy('nr-a', ingress, FROM_B)])
    await host.apply([{ verb: 'delete', object: policy('nr-a', '', '') }])
    inNetns(netns, 'nft', 'add table inet net-routed-policy')
    inNetns(netns, 'nft', 'add chain inet net-routed-policy other')
    await until(() => changes.length > 0, 'the event of the other change comes')
    stop()
    expect(changes).to.deep.equal(['policer'])
  })
})

const ECHO = `require('net').createServer((s) => s.pipe(s)).listen(7, '::')`
const CLIENT = `const s = require('net').connect(7, '${A.address}'); process.stdin.pipe(s).pipe(process.stdout)`

function listens(inner: string): boolean {
  return inNetns(inner, 'ss', '-Htln').includes(':7 ')
}

function setIn(rules: string): string {
  return /set (ingress-\S+)/.exec(rules)?.[1] ?? ''
}

function chainIn(rules: string): string {
  return /chain (ingress-\S+)/.exec(rules)?.[1] ?? ''
}
