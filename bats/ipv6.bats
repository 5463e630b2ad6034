#!/usr/bin/env bats
# IPv6 and both families at once: what a container has, who reaches whom with OSPF and with BGP, hosts that live on router
# advertisements, and providers that want every address on their link.

load helpers
load probe

setup_file() {
  FRR='zebra ospfd ospf6d bgpd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf lab_up 3
  export VERSION
  VERSION=$(docker_on 1 version --format '{{.Server.Version}}')
}

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  clean
  # FRR's configuration goes with the section.
  local host
  for host in 1 2; do lab daemon "$host" restart; done
}

# dual K - one network with both families.
dual() {
  create_network "$1" mine 10.1.0.0/16 --ip-range "10.1.$1.0/24" --ipv6 --subnet fd00:1::/64
}
ping6_from() { run_in "$1" "$2" ping -6 -c 1 -W 2 "$3" >/dev/null; }

# everyone_reaches_everyone - two containers on each of two hosts, both families, all pairs.
everyone_reaches_everyone() {
  local host name other last
  for host in 1 2; do
    dual "$host"
    # Addresses that differ on both hosts: IPv6 has no range of its own here.
    create_container "$host" c1 mine --ip "10.1.$host.1" --ip6 "fd00:1::$host:1"
    create_container "$host" c2 mine --ip "10.1.$host.2" --ip6 "fd00:1::$host:2"
  done
  for host in 1 2; do for name in c1 c2; do
    for other in 1 2; do for last in 1 2; do
      wait_until 20 pings "$host" "$name" "10.1.$other.$last"
      wait_until 20 ping6_from "$host" "$name" "fd00:1::$other:$last"
    done; done
  done; done
}

@test "a container of both families has a /32, a /128, link-local gateways, and no router advertisements" {
  dual 1
  create_container 1 one mine
  local six
  six=$(address6_of 1 one)
  succeeds run_in 1 one ip -o addr show dev eth0
  shows "inet6 $six/128"
  succeeds run_in 1 one ip -6 route show
  shows '^default via fe80::[0-9a-f]+ dev eth0'
  shows '^fd00:1::/64 via fe80::'
  # NDP: answered at once, by an address of the host end.
  succeeds run_in 1 one ping -6 -c 1 -W 2 2001:db8::1
  succeeds on 1 ip -6 neigh show nud permanent
  shows "^$six dev nr-"
  succeeds on 1 timeout 3 tcpdump -c 1 -i "$(our_links 1)" 'icmp6 and ip6[40] == 134' || :
  hides '1 packet captured'
}

@test "both families reach each other on two hosts by OSPF and OSPFv3" {
  local host
  for host in 1 2; do configure $host 'ospf: { area: 0.0.0.0, interfaces: [eth0], network: point-to-point, hello: 1, dead: 4 }
ospf3: { area: 0.0.0.0, interfaces: [eth0], network: point-to-point, hello: 1, dead: 4 }'; done
  everyone_reaches_everyone
}

@test "both families reach each other on two hosts by BGP" {
  configure 1 'bgp: { as: 65001, neighbors: [{ address: 192.0.2.2, as: 65002 }, { address: "2001:db8::2", as: 65002 }] }'
  configure 2 'bgp: { as: 65002, neighbors: [{ address: 192.0.2.1, as: 65001 }, { address: "2001:db8::1", as: 65001 }] }'
  everyone_reaches_everyone
}

@test "with the section routing, more addresses are announced if they are in a subnet of ours; status and verify know" {
  configure 1 'ospf: { area: 0.0.0.0, interfaces: [eth0], network: point-to-point, hello: 1, dead: 4 }'
  configure 2 'ospf: { area: 0.0.0.0, interfaces: [eth0], network: point-to-point, hello: 1, dead: 4 }'
  dual 1
  docker_on 1 run --detach --name one --network 'name=mine,ip=10.1.1.1,driver-opt=net-routed.addresses=10.1.1.7 10.99.0.1' \
    busybox sleep 100000
  wait_until 20 has_route 2 10.1.1.7
  fails has_route 2 10.99.0.1
  on 2 ping -c 1 -W 2 10.1.1.7
  succeeds on 1 "$NET_ROUTED" status --json
  equal "$(jq -c '.endpoints[0] | [.state, .routes, .announced]' <<<"$output")" \
    '["routed",["10.1.1.1/32","fd00:1::1/128","10.1.1.7/32","10.99.0.1/32"],["10.1.1.1/32","fd00:1::1/128","10.1.1.7/32"]]'
  succeeds on 1 "$NET_ROUTED" status
  shows '^not announced: 10.99.0.1/32 of [0-9a-f]{12}: in no subnet'
  # OSPF is for IPv4 only here.
  succeeds on 1 "$NET_ROUTED" verify
  docker_on 1 rm --force one
  wait_until 20 not has_route 2 10.1.1.7
}

@test "several subnets of each family" {
  create_network 1 mine 10.1.0.0/24 --subnet 10.2.0.0/24 --ipv6 --subnet fd00:1::/64 --subnet fd00:2::/64
  create_container 1 one mine --ip 10.2.0.5 --ip6 fd00:2::5
  create_container 1 two mine --ip 10.1.0.5 --ip6 fd00:1::5
  pings 1 one 10.1.0.5
  ping6_from 1 two fd00:2::5
}

@test "a network with IPv6 only, as far as the engine has it" {
  [[ ${VERSION%%.*} -ge 28 ]] || {
    fails docker_on 1 network create -d net-routed --ipam-driver ipam-routed --ipv4=false --ipv6 --subnet fd00:9::/64 six
    skip "engine $VERSION always wants an IPv4 subnet"
  }
  docker_on 1 network create -d net-routed --ipam-driver ipam-routed --ipv4=false --ipv6 --subnet fd00:9::/64 six
  create_container 1 one six --ip6 fd00:9::5
  create_container 1 two six
  ping6_from 1 two fd00:9::5
  succeeds run_in 1 one ip -o -4 addr show
  hides eth
  succeeds run_in 1 one ip -6 route show default
  shows 'via fe80::'
}

# learnt K - the host's default route comes from a router advertisement.
learnt() { on "$1" ip -6 route show default | grep -q 'proto ra'; }

@test "a host whose default route comes from router advertisements keeps it while it forwards" {
  on 1 sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.eth0.accept_ra=1
  lab daemon 1 restart
  on 3 vtysh -c 'configure' -c 'interface eth0' -c 'no ipv6 nd suppress-ra' -c 'ipv6 nd ra-interval 1'
  on 3 sysctl -qw net.ipv6.conf.all.forwarding=1
  wait_until 20 learnt 1
  dual 1
  equal "$(on 1 sysctl -n net.ipv6.conf.all.forwarding)" 1
  equal "$(on 1 sysctl -n net.ipv6.conf.eth0.accept_ra)" 2
  learnt 1
  # Also the next one is taken.
  on 1 ip -6 route flush proto ra
  wait_until 20 learnt 1
  # dockerd relies on forwarding, which stays, and so does this.
  docker_on 1 network rm mine
  equal "$(on 1 sysctl -n net.ipv6.conf.all.forwarding net.ipv6.conf.eth0.accept_ra | xargs)" '1 2'
  on 3 vtysh -c 'configure' -c 'interface eth0' -c 'ipv6 nd suppress-ra' -c 'no ipv6 nd ra-interval'
}

@test "addresses.md: a /64 that is routed to the host needs no proxy" {
  on 3 ip -6 route add 2001:db8:1::/64 via 2001:db8::1
  on 1 sh -c "$(grep -oP '^    \Kdocker network create .*2001:db8:1::/64.*' "$BATS_DIR/../docs/addresses.md")"
  create_container 1 one public --ip6 2001:db8:1::5
  on 3 ping -6 -c 1 -W 2 2001:db8:1::5
  on 3 ip -6 route del 2001:db8:1::/64
}

@test "addresses.md: a /64 that is only bridged is answered for, at once, as long as the container is there" {
  # The provider's router has the subnet on its link and asks for every address.
  on 3 ip -6 addr add 2001:db8:2::ffff/64 dev eth0 nodad
  on 1 ip -6 route replace 2001:db8:2::ffff via 2001:db8::3
  on 1 sh -c "$(grep -oP '^    \Kdocker network create .*ndp-proxy.*' "$BATS_DIR/../docs/addresses.md")"
  create_container 1 one bridged --ip6 2001:db8:2::5
  docker_on 1 run --detach --name two --network 'name=bridged,"driver-opt=net-routed.addresses=2001:db8:2::7"' busybox sleep 1000
  succeeds on 3 ping -6 -c 1 -W 2 2001:db8:2::5
  below "$(sed -n 's/.*time=\([0-9.]*\) ms/\1/p' <<<"$output")" 500
  wait_until 5 on 3 ping -6 -c 1 -W 2 2001:db8:2::7
  # Somebody else's entry stays, ours comes back.
  on 1 ip -6 neigh add proxy 2001:db8:2::99 dev eth0
  on 1 ip -6 neigh del proxy 2001:db8:2::5 dev eth0
  lab daemon 1 restart
  on 3 ip -6 neigh flush dev eth0
  on 3 ping -6 -c 1 -W 2 2001:db8:2::5
  docker_on 1 rm --force one two
  equal "$(on 1 ip -6 neigh show proxy | awk '{ print $1 }')" 2001:db8:2::99
  docker_on 1 network rm bridged
  equal "$(on 1 sysctl -n net.ipv6.conf.eth0.proxy_ndp)" 0
  on 1 ip -6 neigh del proxy 2001:db8:2::99 dev eth0
  on 3 ip -6 addr del 2001:db8:2::ffff/64 dev eth0
  on 1 ip -6 route del 2001:db8:2::ffff
}
