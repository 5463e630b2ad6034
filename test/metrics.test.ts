import { expect } from 'chai'
import { Metrics } from '../src/metrics.js'
import { KernelError } from '../src/errors.js'
import { hostLinkName } from '../src/model/endpoint.js'
import { withRig } from './support/daemon.js'
import type { Rig } from './support/daemon.js'
import { dockerId } from './support/docker.js'

describe('Metrics.text', () => {
  it('counts a request in every bucket that it fits into', () => {
    const metrics = new Metrics()
    for (const seconds of [0.0001, 0.003, 99]) metrics.observe('Join', 'ok', seconds)
    const lines = metrics.text({}).split('\n')
    const labels = 'method="Join",result="ok"'
    expect(lines).to.include(`net_routed_request_seconds_bucket{${labels},le="0.0005"} 1`)
    expect(lines).to.include(`net_routed_request_seconds_bucket{${labels},le="0.005"} 2`)
    expect(lines).to.include(`net_routed_request_seconds_bucket{${labels},le="10"} 2`)
    expect(lines).to.include(`net_routed_request_seconds_bucket{${labels},le="+Inf"} 3`)
    expect(lines).to.include(`net_routed_request_seconds_count{${labels}} 3`)
  })

  it('keeps methods and results apart', () => {
    const metrics = new Metrics()
    metrics.observe('Join', 'ok', 1)
    metrics.observe('Join', 'kernel', 1)
    metrics.observe('Leave', 'ok', 1)
    expect(metrics.text({}).match(/_count\{/g)).to.have.length(3)
  })

  it('is Prometheus text: help and type once before the samples', () => {
    const text = new Metrics().text({
      endpoints: 3,
      repairs_total: { label: 'kind', values: new Map([['route', 2]]) },
      sweep_seconds: { sum: 0.5, count: 4 }
    })
    expect(text).to.contain('# HELP net_routed_endpoints Endpoints.\n# TYPE net_routed_endpoints gauge\n')
    expect(text).to.contain('\nnet_routed_endpoints 3\n')
    expect(text).to.contain(
      '# TYPE net_routed_repairs_total counter\nnet_routed_repairs_total{kind="route"} 2\n'
    )
    expect(text).to.contain(
      '# TYPE net_routed_sweep_seconds summary\nnet_routed_sweep_seconds_sum 0.5\nnet_routed_sweep_seconds_count 4\n'
    )
    expect(text.endsWith('\n')).to.equal(true)
  })
})

const NET = dockerId(1)
const ONE = dockerId(11)

describe('/metrics', () => {
  const withContainer = (test: (rig: Rig) => Promise<void>): (() => Promise<void>) => {
    return () =>
      withRig({}, async (rig) => {
        await rig.docker.createNetwork({ id: NET, subnet: '10.1.0.0/24' })
        await rig.docker.run({ id: ONE, network: NET })
        await test(rig)
      })
  }

  it(
    'tells what there is, in lines that a parser takes',
    withContainer(async (rig) => {
      const lines = await linesOf(rig)
      expect(lines).to.include.members([
        'net_routed_networks 1',
        'net_routed_endpoints 1',
        'net_routed_leases{state="held"} 1',
        'net_routed_leases{state="released"} 0',
        'net_routed_faults 0',
        'net_routed_dropped_packets_total{reason="spoofed-ipv4"} 0',
        'net_routed_repairs_total{kind="route"} 0'
      ])
      const sample = /^[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? [0-9.e+-]+$/
      for (const line of lines) if (!line.startsWith('#')) expect(line).to.match(sample)
    })
  )

  it(
    'counts repairs by kind, and events that were lost',
    withContainer(async (rig) => {
      rig.host.vanish('route 10.1.0.1/32 0')
      rig.host.loseEvents()
      await rig.daemon.upkeep()
      const lines = await linesOf(rig)
      expect(lines).to.include('net_routed_repairs_total{kind="route"} 1')
      expect(lines).to.include('net_routed_lost_events_total 1')
    })
  )

  it(
    'counts what the guard has dropped, by reason, and does without where the kernel does not tell',
    withContainer(async (rig) => {
      rig.host.drops.set('spoofed-ipv4', 42)
      expect(await linesOf(rig)).to.include('net_routed_dropped_packets_total{reason="spoofed-ipv4"} 42')
      rig.host.dropped = () => Promise.reject(new KernelError('EPERM', 'no'))
      const lines = await linesOf(rig)
      expect(lines.filter((line) => line.startsWith('net_routed_dropped'))).to.deep.equal([])
      expect(lines).to.include('net_routed_networks 1')
    })
  )

  it(
    'counts dead endpoints that were collected, not those that Docker deleted',
    withContainer(async (rig) => {
      await rig.docker.run({ id: dockerId(12), network: NET })
      await rig.call('NetworkDriver.DeleteEndpoint', { NetworkID: NET, EndpointID: dockerId(12) })
      rig.host.vanish(`link ${hostLinkName(ONE)}`)
      await rig.daemon.upkeep()
      expect(await linesOf(rig)).to.include.members([
        'net_routed_lost_endpoints 1',
        'net_routed_collected_endpoints_total 0'
      ])
      await rig.daemon.upkeep()
      expect(await linesOf(rig)).to.include.members([
        'net_routed_endpoints 0',
        'net_routed_collected_endpoints_total 1'
      ])
    })
  )

  it(
    'counts writes that the store refused, and records that wait for it',
    withContainer(async (rig) => {
      rig.store.refuse = () => 'the disk is full'
      await rig.docker.stop(ONE).catch(() => undefined)
      const lines = await linesOf(rig)
      expect(numberOf(lines, 'net_routed_refused_writes_total')).to.be.above(0)
      expect(numberOf(lines, 'net_routed_unwritten_records')).to.be.above(0)
      rig.store.refuse = () => undefined
      await rig.daemon.upkeep()
      expect(await linesOf(rig)).to.include('net_routed_unwritten_records 0')
    })
  )
})

async function linesOf({ daemon }: Rig): Promise<string[]> {
  return ((await daemon.pages['/metrics']?.())?.text ?? '').trimEnd().split('\n')
}

function numberOf(lines: readonly string[], name: string): number {
  return Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1])
}
