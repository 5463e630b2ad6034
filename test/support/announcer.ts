import type { Announcer } from '../../src/host/announcers.js'

/** One of a host that is called like its rank. */
export function announcer(rank: number, more: Partial<Announcer> = {}): Announcer {
  return {
    protocol: 'ospf',
    router: String(rank),
    isOwn: false,
    rank: BigInt(rank),
    isLeaving: false,
    ...more
  }
}
