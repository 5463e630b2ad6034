/** Everything that a daemon could leave behind: in a network namespace, and in its state directory. */
import { inNetns } from '../scratch.js'

/** Addresses, routes and rules with what they say; records with their text. Counters are left out. */
const SCRIPT = `
ip -o link show
ip -o address show
ip neighbour show nud permanent
ip route show table all
ip rule show
ip -6 rule show
nft --stateless list ruleset
grep -H . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
cd "$1" && find . -mindepth 2 -type f && grep -r . endpoint lease network pool quarantine setting || :`
/** What the kernel changes by itself after a link has come up. */
const PASSING = / (linkdown|tentative|noprefixroute)\b|state \w+|NO-CARRIER,|,?LOWER_UP|,M-DOWN/g

/** As sorted lines, so that two of them can be compared. */
export function survey(netns: string, stateDirectory: string): readonly string[] {
  const text = inNetns(netns, 'sh', '-c', SCRIPT, 'sh', stateDirectory)
  return text
    .split('\n')
    .map((line) => line.replaceAll(PASSING, '').trimEnd())
    .filter((line) => line !== '')
    .toSorted()
}
