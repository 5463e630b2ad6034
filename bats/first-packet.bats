#!/usr/bin/env bats
# The first packet of a container leaves at once, whatever the gateway is. Milliseconds, the median of three containers.

load helpers

LIMIT=5

setup_file() {
  lab_up 2
}

setup() {
  create_network 1 mine 10.1.0.0/16
  create_network 2 mine 10.1.0.0/16
  create_container 1 here mine --ip 10.1.1.1
  create_container 2 there mine --ip 10.1.2.1
  wait_until 5 has_route 1 10.1.2.1
  # The path between the hosts is not what is measured, nor how soon it is known there where to answer.
  pings 1 here 10.1.2.1
  on 2 ip route add 10.1.1.9 via 192.0.2.1
}

teardown() {
  on 1 ip route del default 2>/dev/null || :
  on 2 ip route del 10.1.1.9 via 192.0.2.1 2>/dev/null || :
  show_logs_of_failure
  clean
  lab daemon 1 restart
}
show_logs_of_failure() { [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs; }

leaves_at_once() {
  local target
  for target in "$@"; do
    # Both hosts choose from one subnet: an address of this host's own.
    below "$(for _ in 1 2 3; do first_ping 1 mine "$target" --ip 10.1.1.9; done | median)" $LIMIT
  done
}

# with_gateway ADDRESS - the network of host 1 again, by a daemon with that gateway for all.
with_gateway() {
  docker_on 1 rm --force here
  docker_on 1 network rm mine
  lab daemon 1 restart --gateway "$1"
  create_network 1 mine 10.1.0.0/16
  create_container 1 here mine --ip 10.1.1.1
}

@test "with a link-local gateway, without a default route on the host (flaw 16)" {
  leaves_at_once 10.1.1.1 10.1.2.1 "$(gateway_of 1 here)"
}

@test "with a link-local gateway, with a default route on the host" {
  on 1 ip route add default via 192.0.2.2
  leaves_at_once 10.1.2.1 192.0.2.2
}

@test "with a virtual gateway for all networks, without a default route on the host (flaw 16)" {
  with_gateway 10.100.0.1
  leaves_at_once 10.1.2.1 10.100.0.1
}

@test "with a virtual gateway for all networks, with a default route on the host" {
  on 1 ip route add default via 192.0.2.2
  with_gateway 10.100.0.1
  leaves_at_once 10.1.2.1 10.100.0.1
}

@test "with a gateway that is an address of the host" {
  with_gateway 192.0.2.1
  equal "$(gateway_of 1 here)" 192.0.2.1
  leaves_at_once 10.1.2.1 192.0.2.1
}

@test "with a gateway of the network's own" {
  docker_on 1 rm --force here
  docker_on 1 network rm mine
  create_network 1 mine 10.1.0.0/16 --gateway 10.1.0.1
  create_container 1 here mine --ip 10.1.1.1
  equal "$(gateway_of 1 here)" 10.1.0.1
  leaves_at_once 10.1.2.1 10.1.0.1
}

@test "with Docker's own IPAM, whose containers ask for every neighbour, here and on another host" {
  clean
  local host
  for host in 1 2; do
    docker_on $host network create --internal --driver net-routed --subnet 10.1.0.0/16 mine
    create_container $host neighbour mine --ip 10.1.$host.1
  done
  wait_until 5 has_route 1 10.1.2.1
  equal "$(run_in 1 neighbour ip -o -4 addr show dev eth0 | awk '{ print $4 }')" 10.1.1.1/16
  leaves_at_once 10.1.1.1 10.1.2.1
}
