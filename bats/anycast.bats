#!/usr/bin/env bats
# Two hosts have the same address on purpose, a third one sends to it.

load helpers
load probe

ADDRESS=10.1.0.7
ADDRESS6=fd00:1::7

setup_file() {
  FRR='zebra ospfd ospf6d bgpd bfdd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf lab_up 3
  local host
  for host in 1 2 3; do
    create_network $host mine 10.1.0.0/16 --ipv6 --subnet fd00:1::/64 --opt net-routed.check-interval=200ms
  done
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  on 3 sh -c '[ ! -e /run/probe ] || kill "$(cat /run/probe)"; rm -f /run/probe'
  local host
  for host in 1 2 3; do
    lab net switch ip link set h$host up
    on $host sh -c 'docker ps -aq | xargs -r docker rm -f' >/dev/null
  done
}

# idle K - a container of host K that others have, too, whose server does not run yet.
idle() {
  docker_on "$1" run --detach --name any --stop-signal KILL \
    --network "name=mine,ip=$ADDRESS,ip6=$ADDRESS6,driver-opt=net-routed.anycast=true,driver-opt=net-routed.check=tcp:80" \
    busybox sleep 100000 >/dev/null
}
# ways_are HOSTS - by which hosts host 3 sends to the address.
ways_are() { equal "$(on 3 ip route show $ADDRESS | grep -oP 'via 192\.0\.2\.\K\d' | sort | xargs)" "$1"; }
ways6_are() { [ "$(on 3 ip -6 route show $ADDRESS6 | grep -c via)" = "$1" ]; }
serve() { run_in "$1" any httpd -h /; }

@test "OSPF: equal ways to all, without the one whose check fails; the map tells them from what is there twice" {
  local host
  for host in 1 2 3; do
    configure $host '{ duplicates: warn, ospf: { area: 0, interfaces: [eth0], network: point-to-multipoint, hello: 1, dead: 4 },
      ospf3: { area: 0, interfaces: [eth0], hello: 1, dead: 4 } }'
  done
  create_container 3 watch mine --ip 10.1.0.3 --ip6 fd00:1::3
  for host in 1 2; do idle $host; done
  for host in 1 2; do
    create_container $host twice mine --ip 10.1.0.9 --ip6 fd00:1::9$host
    equal "$(on $host ip route show type blackhole $ADDRESS)" ''
    serve $host
  done
  wait_until 60 ways_are '1 2'
  wait_until 60 ways6_are 2
  wait_until 60 map_shows "anycast: $ADDRESS: 192.0.2.1, 192.0.2.2"
  wait_until 60 map_shows "anycast: $ADDRESS6: 192.0.2.1, 192.0.2.2"
  map_shows 'twice: 10.1.0.9: 192.0.2.1, 192.0.2.2'
  map_shows '3 routers, [0-9]+ addresses, 2 of them anycast, 1 twice'
  run_in 1 any killall httpd
  wait_until 20 ways_are 2
  wait_until 20 ways6_are 1
  serve 1
  wait_until 20 ways_are '1 2'
  # Nothing is held where the other host serves.
  docker_on 2 rm --force any >/dev/null
  equal "$(on 2 ip route show type blackhole $ADDRESS)" ''
  wait_until 20 ways_are 1
}
map_shows() { on 3 "$NET_ROUTED" map | grep -qE "^$1\$"; }

is_marked() { equal "$(on 3 vtysh -c "show bgp ipv4 unicast $ADDRESS/32" | grep -c 'Community: 28274:1')" 2; }

@test "BGP with BFD: a host that fails loses its traffic to the other one" {
  local bfd='bfd: { interval: 100 }' host way
  configure 1 "{ bgp: { as: 65001, neighbors: [{ address: 192.0.2.3, as: 65003, $bfd }] } }"
  configure 2 "{ bgp: { as: 65002, neighbors: [{ address: 192.0.2.3, as: 65003, $bfd }] } }"
  configure 3 "{ bgp: { as: 65003, neighbors: [{ address: 192.0.2.1, as: 65001, $bfd }, { address: 192.0.2.2, as: 65002, $bfd }] } }"
  create_container 3 watch mine --ip 10.1.0.3 --ip6 fd00:1::3
  for host in 1 2; do
    idle $host
    serve $host
  done
  wait_until 60 ways_are '1 2'
  wait_until 30 is_marked
  probe_start 3 watch $ADDRESS
  way=$(on 3 ip -o route get $ADDRESS from 10.1.0.3 iif "$(our_links 3)" | grep -oP 'via 192\.0\.2\.\K\d')
  # The cable is cut where only the host itself sees it.
  lab net switch ip link set "h$way" down
  wait_until 5 ways_are $((3 - way))
  wait_until 5 pings 3 watch $ADDRESS
  on 3 sh -c 'kill -INT "$(cat /run/probe)" && rm /run/probe'
  wait_until 5 grep -qE "^$ADDRESS [0-9]+ [0-9]+" "$BATS_TEST_TMPDIR/probe.3"
  tell "host $way fails: $(awk '/^silence/ { print $4 - $3 " ms silent" }' "$BATS_TEST_TMPDIR/probe.3" | xargs)"
  # Without BFD it would be the hold time, nine seconds.
  below "$(awk '!/^silence/ { print $3 }' "$BATS_TEST_TMPDIR/probe.3")" 4000
  lab net switch ip link set "h$way" up
  wait_until 30 ways_are '1 2'
}

@test "routing.md: anycast as shown" {
  local run
  run=$(grep -oP '^    \Kdocker run.*net-routed.anycast.*' "$BATS_DIR/../docs/routing.md")
  configure 1 '{}'
  succeeds on 1 sh -c "$run"
  is_routed() { on 1 "$NET_ROUTED" status | grep -qE "^routed +$ADDRESS/32"; }
  wait_until 20 is_routed
}
