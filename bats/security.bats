#!/usr/bin/env bats
# What a container with NET_RAW, which Docker gives to every one, can do to its neighbours, its host and its routers. The
# numbers are those of docs/security.md, which says where else they are tested.

load helpers
load probe

setup_file() {
  lab_up 1
  # An observer behind the guard: what reaches the host, and what is forwarded, from our links.
  on 1 nft -f - <<'END'
table inet observer {
  chain input {
    type filter hook input priority 100
    iifname "nr-*" goto seen
  }
  chain forward {
    type filter hook forward priority 100
    iifname "nr-*" goto seen
  }
  chain seen {
    ip saddr 10.1.0.1 icmp type echo-request counter comment "legal"
    ip6 saddr fd00::1 icmpv6 type echo-request counter comment "legal6"
    ip saddr { 10.1.0.2, 10.1.0.77, 192.0.2.9 } ip protocol { icmp, udp } counter comment "spoofed"
    ip6 saddr { fd00::2, fd00::77 } icmpv6 type echo-request counter comment "spoofed6"
    ip protocol 89 counter comment "ospf"
    tcp dport 179 counter comment "bgp"
    udp dport { 3784, 4784 } counter comment "bfd"
    icmp type redirect counter comment "redirect"
    icmpv6 type nd-router-advert counter comment "router"
    icmpv6 type nd-neighbor-advert counter comment "advertise"
    ip daddr 127.0.0.0/8 counter comment "loopback"
    ip protocol 4 counter comment "tunnel"
    udp dport { 68, 4789 } counter comment "service"
  }
}
END
}

setup() {
  create_network 1 mine 10.1.0.0/16
  create_container 1 one mine --ip 10.1.0.1
  create_container 1 two mine --ip 10.1.0.2
  create_container 1 three mine --ip 10.1.0.3
}

link_to() { on 1 ip route show "$1" | grep -oE 'nr-[0-9a-f]{12}'; }

# sends WHAT [ARG...] - from container `one`, to its gateway.
sends() {
  local link
  link=$(link_to 10.1.0.1)
  on 1 nsenter --net="/proc/$(pid_of 1 one)/ns/net" node "$BATS_DIR/tools/send.mjs" \
    "$(on 1 cat "/sys/class/net/$link/address")" "$@"
}
# seen WHAT - how many packets of it the observer saw.
seen() { on 1 nft list chain inet observer seen | sed -nE "s/.*packets ([0-9]+) .*comment \"$1\"/\\1/p"; }
dropped() { on 1 nft list counter inet net-routed "$1" | sed -nE 's/.*packets ([0-9]+) .*/\1/p'; }

# keeps_out COUNTER OBSERVED WHAT [ARG...] - the guard drops it and nobody sees it.
keeps_out() {
  local before seen_before
  before=$(dropped "$1")
  seen_before=$(seen "$2")
  sends "${@:3}"
  equal "$(dropped "$1")" $((before + 1))
  equal "$(seen "$2")" "$seen_before"
}

@test "what a container may send passes, also when it is made by hand" {
  local before
  before=$(seen legal)
  sends echo 10.1.0.1 10.1.0.3
  equal "$(seen legal)" $((before + 1))
  pings 1 one 10.1.0.3
}

@test "flaw 3: a container cannot send from another container's address, or from one that nobody has" {
  keeps_out spoofed-ipv4 spoofed echo 10.1.0.2 10.1.0.3
  keeps_out spoofed-ipv4 spoofed echo 10.1.0.77 10.1.0.3
  keeps_out spoofed-ipv4 spoofed udp 192.0.2.9 192.0.2.1 53
}

@test "flaw 3: a container cannot be found under another's address by ARP" {
  local before claims
  claims=$(on 1 nft list counter arp net-routed spoofed-arp | sed -nE 's/.*packets ([0-9]+) .*/\1/p')
  before=$(on 1 ip neigh show | sort)
  sends arp 10.1.0.2
  sends arp 192.0.2.9
  equal "$(on 1 nft list counter arp net-routed spoofed-arp | sed -nE 's/.*packets ([0-9]+) .*/\1/p')" $((claims + 2))
  equal "$(on 1 ip neigh show | sort)" "$before"
  pings 1 three 10.1.0.2
}

@test "flaw 3: a container with NET_ADMIN has no use of the addresses that it gives itself" {
  local before
  create_container 1 admin mine --ip 10.1.0.9 --cap-add NET_ADMIN
  pings 1 admin 10.1.0.3
  before=$(dropped spoofed-ipv4)
  run_in 1 admin ip addr add 10.1.0.77/32 dev eth0
  fails run_in 1 admin ping -c 1 -W 1 -I 10.1.0.77 10.1.0.3
  # The address of one that runs, as well.
  run_in 1 admin ip addr add 10.1.0.2/32 dev eth0
  fails run_in 1 admin ping -c 1 -W 1 -I 10.1.0.2 10.1.0.3
  differ "$(dropped spoofed-ipv4)" "$before"
  # Another MAC address is its own loss only.
  run_in 1 admin ip link set eth0 address 02:42:0a:01:00:02
  pings 1 three 10.1.0.2
  pings 1 one 10.1.0.3
}

@test "flaw 3: tunnels and DHCP of containers, by which addresses would be had, end at the host" {
  keeps_out tunnel-packet tunnel ipip 10.1.0.1 192.0.2.1
  keeps_out tunnel-packet service udp 10.1.0.1 192.0.2.1 4789
  keeps_out dhcp-server service udp 10.1.0.1 192.0.2.1 68
}

@test "flaw 6: a firewall that is reloaded keeps no container from being checked" {
  on 1 sh -c 'iptables-save >/tmp/rules; iptables -F; iptables -P FORWARD ACCEPT'
  keeps_out spoofed-ipv4 spoofed echo 10.1.0.2 10.1.0.3
  on 1 iptables-restore /tmp/rules
  keeps_out spoofed-ipv4 spoofed echo 10.1.0.2 10.1.0.3
  # What Debian's nftables.service does. It opens the guard until the repair; drift.bats measures how long.
  on 1 nft delete table inet net-routed
  wait_until 5 on 1 nft list chain inet net-routed from-ipv4
  keeps_out spoofed-ipv4 spoofed echo 10.1.0.2 10.1.0.3
}

@test "flaw 7: what listens on the loopback addresses of the host is not reached, also if the host routes them" {
  on 1 sysctl -q -w "net.ipv4.conf.$(link_to 10.1.0.1).route_localnet=1"
  keeps_out loopback-destination loopback udp 10.1.0.1 127.0.0.1 53
}

@test "flaw 9: a container cannot become a router: OSPF, BGP, BFD and redirects do not reach the host" {
  keeps_out ospf-packet ospf ospf 10.1.0.1
  keeps_out bgp-packet bgp tcp 10.1.0.1 192.0.2.1 179
  keeps_out bfd-packet bfd udp 10.1.0.1 192.0.2.1 3784
  keeps_out icmp-redirect redirect redirect 10.1.0.1 192.0.2.1
  succeeds on 1 vtysh -c 'show ip ospf neighbor'
  hides '10\.1\.0\.1'
}

@test "flaw 2: IPv6 is off where it was not asked for, on both ends" {
  equal "$(run_in 1 one ip -o -6 addr show dev eth0)" ''
  equal "$(on 1 ip -o -6 addr show dev "$(link_to 10.1.0.1)")" ''
  equal "$(on 1 cat "/proc/sys/net/ipv6/conf/$(link_to 10.1.0.1)/disable_ipv6")" 1
  sends router
  equal "$(seen router)" 0
  equal "$(on 1 ip -6 route show default)" ''
}

@test "flaw 1: with IPv6, no router advertisement, no foreign address or neighbour passes" {
  docker_on 1 rm --force one two three
  docker_on 1 network rm mine
  create_network 1 mine 10.1.0.0/16 --ipv6 --subnet fd00::/64
  create_container 1 one mine --ip 10.1.0.1 --ip6 fd00::1
  create_container 1 two mine --ip 10.1.0.2 --ip6 fd00::2
  wait_until 5 run_in 1 one ping -6 -c 1 -W 1 fd00::2
  local before
  before=$(seen legal6)
  sends echo6 fd00::1 fd00::2
  equal "$(seen legal6)" $((before + 1))
  keeps_out router-advertisement router router
  keeps_out spoofed-ipv6 spoofed6 echo6 fd00::2 fd00::1
  keeps_out spoofed-ipv6 spoofed6 echo6 fd00::77 fd00::2
  keeps_out foreign-neighbour-advertisement advertise advertise fd00::2
  equal "$(on 1 ip -6 route show default)" ''
  equal "$(run_in 1 two ip -6 route show default | wc -l)" 1
}

@test "flaw 15: the connections of an address end with its container" {
  command -v conntrack >/dev/null || skip 'conntrack is missing'
  pings 1 one 10.1.0.3
  sends udp 10.1.0.1 10.1.0.3 5000
  succeeds on 1 conntrack -L -s 10.1.0.1
  shows 'udp.*dport=5000'
  docker_on 1 rm --force one
  wait_until 5 eval '[ -z "$(on 1 conntrack -L -s 10.1.0.1 2>/dev/null)" ]'
  succeeds on 1 conntrack -L -s 10.1.0.2
}

@test "flaw 12: not even a container in the host's network reaches a socket of the daemon" {
  # Files only, whose permissions count: of Docker's plugins, and of CNI's.
  equal "$(on 1 ss -H -l -p -t -u -w -x | grep -E 'net-routed|"node"' | grep -vE ' /run/(docker/plugins|net-routed)/')" ''
  equal "$(on 1 sh -c 'stat -c "%a %u" /run/docker/plugins/*.sock /run/net-routed/*.sock' | sort -u)" '600 0'
  # Abstract sockets have no permissions: whoever shares the network namespace may connect.
  succeeds docker_on 1 run --rm --net host busybox cat /proc/net/unix
  shows '/run/docker/plugins/net-routed.sock'
  hides '@.*(net-routed|ipam-routed)'
  fails docker_on 1 run --rm --net host busybox ls /run/docker/plugins /run/net-routed
}

@test "metrics over TCP are numbers, nothing else; on 127.0.0.1 containers do not reach them" {
  lab daemon 1 restart --metrics-address 192.0.2.1:9469
  succeeds run_in 1 one wget -q -O - http://192.0.2.1:9469/metrics
  shows '^net_routed_endpoints 3$'
  local path
  for path in status NetworkDriver.GetCapabilities Admin.Forget; do
    fails run_in 1 one wget -O - --post-data '{}' "http://192.0.2.1:9469/$path"
    shows '404'
    fails run_in 1 one wget -O - "http://192.0.2.1:9469/$path"
    shows '404'
  done
  lab daemon 1 restart --metrics-address 127.0.0.1:9469
  succeeds on 1 curl -sf http://127.0.0.1:9469/metrics
  fails run_in 1 one wget -T 2 -O - http://192.0.2.1:9469/metrics
  lab daemon 1 restart
}
