// How much is measured: enough for medians that repeat, and a whole run below six minutes on two cores.
const number = (name, value) => Number(process.env[`BENCH_${name}`] ?? value)

export const sizes = {
  /** Endpoints of the crowded host, and the sizes at which its memory is read. */
  endpoints: number('ENDPOINTS', 4000),
  fewEndpoints: number('FEW_ENDPOINTS', 10),
  /** Containers attached one at a time, per variant. */
  attaches: number('ATTACHES', 120),
  concurrency: number('CONCURRENCY', 50),
  concurrentBatches: number('CONCURRENT_BATCHES', 4),
  dockerRounds: number('DOCKER_ROUNDS', 12),
  firstPacketRounds: number('FIRST_PACKET_ROUNDS', 10),
  trafficRounds: number('TRAFFIC_ROUNDS', 4),
  trafficSeconds: number('TRAFFIC_SECONDS', 1),
  policies: number('POLICIES', 1000),
  policyRounds: number('POLICY_ROUNDS', 6),
  policyChanges: number('POLICY_CHANGES', 60),
  distributionRounds: number('DISTRIBUTION_ROUNDS', 15),
  /** Of an event, and of those that take longest. */
  routingRounds: number('ROUTING_ROUNDS', 5),
  routingFailures: number('ROUTING_FAILURES', 3),
  /** Numbers of routes, and how often each. */
  bulk: (process.env.BENCH_BULK ?? '1000,10000,30000').split(',').map(Number),
  bulkRounds: number('BULK_ROUNDS', 3),
  cniRounds: number('CNI_ROUNDS', 40),
  cniCrowdRounds: number('CNI_CROWD_ROUNDS', 2),
  cniCrowd: number('CNI_CROWD', 200)
}
