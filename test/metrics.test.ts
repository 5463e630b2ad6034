import { expect } from 'chai'
import { Metrics } from '../src/metrics.js'
import { withRig } from './support/daemon.js'
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

  it('is Prometheus text: one type before its samples, counters for totals', () => {
    const text = new Metrics().text({ endpoints: 3, passes_total: 7 })
    expect(text).to.contain('# TYPE net_routed_endpoints gauge\nnet_routed_endpoints 3\n')
    expect(text).to.contain('# TYPE net_routed_passes_total counter\nnet_routed_passes_total 7\n')
    expect(text.endsWith('\n')).to.equal(true)
  })
})

describe('/metrics', () => {
  it('tells networks, endpoints, leases and faults of the daemon in lines that a parser takes', () =>
    withRig({}, async ({ docker, daemon }) => {
      await docker.createNetwork({ id: dockerId(1), subnet: '10.1.0.0/24' })
      await docker.run({ id: dockerId(11), network: dockerId(1) })
      const text = daemon.pages['/metrics']?.().text ?? ''
      for (const line of [
        'net_routed_networks 1',
        'net_routed_endpoints 1',
        'net_routed_leases 1',
        'net_routed_faults 0'
      ])
        expect(text.split('\n')).to.include(line)
      const sample = /^[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? [0-9.e+-]+$/
      for (const line of text.trimEnd().split('\n')) if (!line.startsWith('#')) expect(line).to.match(sample)
    }))
})
