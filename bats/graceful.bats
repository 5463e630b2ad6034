#!/usr/bin/env bats
# FRR restarts on a host, while a container of another host sends to one of its containers, and is answered.

load helpers
load probe

setup_file() {
  FRR='zebra ospfd ospf6d bgpd' ZEBRA_ARGS='-s 90000000 --v6-rr-semantics -r -K 60' \
    FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf lab_up 2
  local host
  for host in 1 2; do
    create_network $host mine 10.1.0.0/16 --ipv6 --subnet fd00:1::/64
    create_container $host "on$host" mine --ip "10.1.0.$host" --ip6 "fd00:1::$host"
  done
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  on 2 sh -c '[ ! -e /run/probe ] || kill "$(cat /run/probe)"; rm -f /run/probe'
}

have_met() { pings 2 on2 10.1.0.1 && pings 2 on2 fd00:1::1 && pings 1 on1 10.1.0.2 && pings 1 on1 fd00:1::2; }
nothing_differs() { on 1 "$NET_ROUTED" verify >/dev/null && on 2 "$NET_ROUTED" verify >/dev/null; }

# nothing_is_lost WHAT CMD...
nothing_is_lost() {
  wait_until 90 have_met
  wait_until 30 nothing_differs
  probe_start 2 on2 10.1.0.1 fd00:1::1
  sleep 1
  "${@:2}"
  # Later than routes are put right after a restart.
  sleep 12
  probe_end 2 "$1"
  wait_until 30 nothing_differs
  no_faults 1
}
no_faults() { equal "$(on "$1" "$NET_ROUTED" status --json | jq '.faults | length')" 0; }

prepare_and_restart() {
  on 1 vtysh -c 'graceful-restart prepare ip ospf' -c 'graceful-restart prepare ipv6 ospf'
  lab router 1 restart
}

@test "OSPF: FRR restarts prepared, and no packet is lost" {
  local host
  for host in 1 2; do
    configure $host '{ graceful-restart: 60, ospf: { area: 0, interfaces: [eth0], network: point-to-multipoint },
      ospf3: { area: 0, interfaces: [eth0], network: point-to-point } }'
  done
  nothing_is_lost 'FRR restarts' prepare_and_restart
}

# bgpd takes its routes out of the kernel when it ends, so that what goes out needs a way that it has not made.
@test "BGP: FRR restarts, and no packet is lost where the host has a default route of its own" {
  local host other
  for host in 1 2; do
    other=$((3 - host))
    configure $host "{ graceful-restart: 60, bgp: { as: 6500$host, neighbors: [{ address: 192.0.2.$other, as: 6500$other },
      { address: 2001:db8::$other, as: 6500$other }] } }"
  done
  on 1 ip route add default via 192.0.2.2
  on 1 ip -6 route add default via 2001:db8::2
  nothing_is_lost 'FRR restarts' lab router 1 restart
}
