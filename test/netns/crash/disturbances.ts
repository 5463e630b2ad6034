/** What may have happened to a host while no daemon ran: as shell scripts, with the link of a container and the state directory. */

export interface Disturbance {
  readonly name: string
  readonly script: string
  /** True = a start makes everything as it was. Else containers are dead. */
  readonly isRepaired: boolean
}

/** What the container needs was changed or taken away, and things of ours were left behind that no record knows. */
export const DRIFT: Disturbance = {
  name: 'drift at a container',
  isRepaired: true,
  script: `
ip route flush dev "$1" proto 200
ip neighbour flush dev "$1" nud permanent
ip address flush dev "$1"
echo 0 >"/proc/sys/net/ipv4/conf/$1/forwarding"
echo 1 >"/proc/sys/net/ipv4/conf/$1/rp_filter"
ip link set "$1" down
ip link add nr-00000000dead type veth peer name nrc00000000dead
ip link set nr-00000000dead alias 'net-routed endpoint dead'
ip link add nr-00000000beef group 1852964864 type veth peer name nrc00000000beef
ip link add nr-00000000feed type veth peer name nrc00000000feed
ip link set nr-00000000feed alias 'net-routed endpoint feed' up
ip route add 10.1.0.77 dev nr-00000000feed proto 200
echo '{' >"$2/lease/local%2F10.1.0.77.json.0.tmp"`
}

/** What all containers need was changed or taken away. */
export const DRIFT_OF_HOST: Disturbance = {
  name: 'drift at the host',
  isRepaired: true,
  script: `
iptables -F NET-ROUTED
nft delete table arp net-routed
nft delete table inet net-routed
echo 0 >/proc/sys/net/ipv4/ip_forward`
}

/** Nothing is left of what was in the kernel, the container included. */
export const REBOOT: Disturbance = {
  name: 'a reboot',
  isRepaired: false,
  script: `
ip link delete "$1" 2>/dev/null || :
nft flush ruleset
iptables -P FORWARD DROP
ip6tables -P FORWARD DROP
echo 0 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv6/conf/all/forwarding`
}
