/**
 * Which of two hosts keeps an address that both announce. Both decide by themselves, by what both read in the same
 * database, so that they decide alike; where they might not (a clock of seconds at its edge), both give way, and chance
 * says who comes back first: never do both stay. Pure.
 */
import type { Announcer } from '../../host/announcers.js'
import type { DuplicatesMode } from '../../model/options/duplicates.js'

/** Announcements that begin within so many seconds are a race, not an older and a younger one. */
const RACE_SECONDS = 10
/** So far two hosts may be apart about an age: every hop adds a second, and what is under way. */
const SKEW_SECONDS = 5

/**
 * True if this host is to give the address up. With `refuse` the one that has been announced for longer stays, with
 * `take-over` the one that was announced last; of a race, and where that is not known, the one with the lower rank.
 */
export function yieldsTo(own: Announcer, other: Announcer, mode: DuplicatesMode): boolean {
  if (mode === 'warn' || own.protocol !== other.protocol || other.isLeaving) return false
  if (other.isChosen) return true
  const lead = mode === 'take-over' ? less(other.age, own.age) : less(own.lifetime, other.lifetime)
  if (lead !== undefined) {
    return own.rank < other.rank ? lead <= -RACE_SECONDS : lead <= RACE_SECONDS + SKEW_SECONDS
  }
  if (mode === 'take-over' && own.heard !== undefined && other.heard !== undefined)
    return own.heard <= other.heard
  return own.rank > other.rank
}

/**
 * The database says how often an announcement was sent anew, which is every half an hour; but so it is as well by a host that
 * comes back after a failure, or after a trial. This host knows for how long its container has been there. `seconds`.
 */
export function atMostFor(own: Announcer, other: Announcer, seconds: number): Announcer {
  if (!claimsMore(own, other)) return own
  return { ...own, lifetime: Math.min(own.lifetime, Math.max(own.age, seconds)) }
}

/** True if the other host may know better than the database, and give way: it was sent anew later, and counts as older. */
export function mayBeWrong(own: Announcer, other: Announcer, mode: DuplicatesMode): boolean {
  return mode === 'refuse' && claimsMore(other, own)
}

function claimsMore(one: Announcer, other: Announcer): one is Announcer & Aged {
  const { age, lifetime } = one
  return age !== undefined && lifetime !== undefined && lifetime > age && age < (other.age ?? 0)
}

interface Aged {
  readonly age: number
  readonly lifetime: number
}

function less(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a - b
}
