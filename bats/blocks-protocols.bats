#!/usr/bin/env bats
# Blocks of a shared pool that hosts claim through OSPFv3, and through BGP with a route reflector between them. Host 3
# watches; with BGP it is the reflector.

load helpers
load probe

setup_file() {
  FRR='zebra ospf6d bgpd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf lab_up 3
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  local host
  for host in 1 2 3; do connect $host; done
  clean
  for host in 1 2 3; do lab daemon $host restart; done
  on 3 vtysh -c 'configure terminal' -c 'no router bgp' >/dev/null 2>&1 || :
}

cut() { lab net switch ip link set "h$1" down; }
connect() { lab net switch ip link set "h$1" up; }
status_of() { on "$1" "$NET_ROUTED" status --json; }
# blocks_of K 4|6 - those that it gives addresses out of.
blocks_of() {
  local pattern=:
  [ "$2" = 6 ] || pattern='\.'
  status_of "$1" | jq -r '.blocks[] | select(.state == "own").prefix' | grep "$pattern" | sort
}
has_blocks() { equal "$(blocks_of "$1" "$2" | wc -l)" "$3"; }
# heard K PREFIX - what host K has heard from others within it.
heard() { on "$1" ip -j route show root "$2" | jq -r '.[] | select(.protocol == "ospf" or .protocol == "bgp").dst' | sort; }
heard6() { on "$1" ip -6 -j route show root "$2" | jq -r '.[] | select(.protocol == "ospf" or .protocol == "bgp").dst' | sort; }
heard_is() { equal "$("$1" 3 "$2")" "$3"; }
yielded() { for host in 1 2; do status_of $host; done | jq -s '[.[].endpoints[] | select(.state == "yielded")] | length'; }

neighbours6() { equal "$(on "$1" vtysh -c 'show ipv6 ospf6 neighbor' | grep -c Full)" "$2"; }
sessions() { equal "$(on "$1" vtysh -c 'show bgp summary json' | jq '[.. | objects | select(.state? == "Established")] | length')" "$2"; }

# with_ospf6 - all three hosts; with_reflector - two, and host 3 between them.
with_ospf6() {
  local host
  for host in 1 2 3; do
    configure $host 'blocks: { size: 26, size6: 122 }
ospf3: { area: 0, interfaces: [eth0], hello: 1, dead: 4 }' &
  done
  wait
  for host in 1 2 3; do wait_until 60 neighbours6 $host 2; done
}
with_reflector() {
  local host
  on 3 vtysh -c 'configure terminal' -c 'router bgp 65000' -c 'neighbor hosts peer-group' \
    -c 'neighbor hosts remote-as internal' -c 'neighbor hosts timers 1 3' -c 'neighbor hosts timers connect 1' \
    -c 'neighbor 192.0.2.1 peer-group hosts' -c 'neighbor 192.0.2.2 peer-group hosts' \
    -c 'address-family ipv4 unicast' -c 'neighbor hosts route-reflector-client'
  for host in 1 2; do
    configure $host 'blocks: { size: 26 }
bgp: { as: 65000, neighbors: [{ address: 192.0.2.3, as: internal, hold: 3 }] }'
  done
  for host in 1 2; do wait_until 30 sessions $host 1; done
}

@test "OSPFv3: one route for each block, the map shows them, and they are there again when FRR has been restarted" {
  with_ospf6
  local host number
  for host in 1 2 3; do create_network $host six 10.6.0.0/16 --ipv6 --subnet fd00:6::/64; done
  for host in 1 2 3; do wait_until 10 has_blocks $host 6 1; done
  for host in 1 2; do
    for number in 1 2 3; do create_container $host "c$number" six; done
  done
  wait_until 20 heard_is heard6 fd00:6::/64 "$(cat <(blocks_of 1 6) <(blocks_of 2 6) | sort)"
  wait_until 10 run_in 1 c1 ping -6 -c 1 -W 2 "$(address6_of 2 c3)"
  for host in 1 2 3; do
    succeeds on $host "$NET_ROUTED" verify
    shows ' 0 findings'
  done
  succeeds on 3 "$NET_ROUTED" map
  shows '^192\.0\.2\.1: to '
  shows "^  $(blocks_of 1 6)"
  shows '^192\.0\.2\.3, this host: to '
  shows '^3 routers'
  local before
  before=$(blocks_of 1 6)
  lab router 1 restart
  wait_until 60 heard_is heard6 fd00:6::/64 "$(cat <(blocks_of 1 6) <(blocks_of 2 6) | sort)"
  equal "$(blocks_of 1 6)" "$before"
  # What a host without power had announced stays in the database for an hour, and leads nowhere.
  lab kill 2
  wait_until 20 heard_is heard6 fd00:6::/64 "$before"
  succeeds on 3 "$NET_ROUTED" map
  shows '^192\.0\.2\.2, unreachable$'
  lab boot 2
}

@test "OSPFv3: a block that two hosts claimed while they could not see each other stays with one" {
  with_ospf6
  local host block
  # Two blocks, of which one is taken.
  create_network 3 small 10.6.0.0/16 --ipv6 --subnet fd00:7::/121
  wait_until 10 has_blocks 3 6 1
  block=$(blocks_of 3 6)
  for host in 1 2; do wait_until 10 grep -qF "$block" <(heard6 $host fd00:7::/121); done
  cut 2
  for host in 1 2; do wait_until 20 neighbours6 $host $((host == 1)); done
  for host in 1 2; do
    create_network $host small 10.6.0.0/16 --ipv6 --subnet fd00:7::/121
    create_container $host c1 small
  done
  equal "$(address6_of 1 c1)" "$(address6_of 2 c1)"
  connect 2
  for host in 1 2 3; do wait_until 60 neighbours6 $host 2; done
  wait_until 30 settled6
  wait_until 10 on 3 ping -6 -c 1 -W 1 "$(address6_of 1 c1)"
  local loser=1
  [ -n "$(blocks_of 2 6)" ] || loser=2
  fails docker_on $loser run --rm --net small busybox true
  shows 'no block of fd00:7::/121 is left for this host'
}
settled6() { equal "$(cat <(blocks_of 1 6) <(blocks_of 2 6) | wc -l)" 1 && equal "$(yielded)" 1; }

@test "BGP: one route for each block, and they are there again when FRR has been restarted" {
  with_reflector
  local host number before
  for host in 1 2; do create_network $host mine 10.1.0.0/16; done
  for host in 1 2; do wait_until 10 has_blocks $host 4 1; done
  for host in 1 2; do
    for number in 1 2 3; do create_container $host "c$number" mine; done
  done
  before=$(cat <(blocks_of 1 4) <(blocks_of 2 4) | sort)
  wait_until 20 heard_is heard 10.1.0.0/16 "$before"
  wait_until 10 pings 1 c1 "$(address_of 2 c3)"
  for host in 1 2; do
    succeeds on $host "$NET_ROUTED" verify
    shows ' 0 findings'
  done
  lab router 1 restart
  wait_until 30 heard_is heard 10.1.0.0/16 "$before"
  equal "$(cat <(blocks_of 1 4) <(blocks_of 2 4) | sort)" "$before"
}

@test "BGP: of two hosts that have one block, the one that the route reflector has not chosen gives way" {
  with_reflector
  cut 2
  for host in 1 2; do wait_until 20 sessions $host $((host == 1)); done
  # Two blocks; both hosts begin with the same one.
  local host address
  for host in 1 2; do
    create_network $host small 10.3.0.0/25
    create_container $host c1 small
  done
  equal "$(blocks_of 1 4)" "$(blocks_of 2 4)"
  address=$(address_of 1 c1)
  equal "$(address_of 2 c1)" "$address"
  connect 2
  for host in 1 2; do wait_until 30 sessions $host 1; done
  wait_until 30 settled
  create_container 1 c2 small
  create_container 2 c2 small
  differ "$(address_of 1 c2)" "$(address_of 2 c2)"
  wait_until 10 on 3 ping -c 1 -W 1 "$address"
  equal "$(on 3 ip route show "$address" | grep -c via)" 1
  wait_until 10 pings 1 c2 "$(address_of 2 c2)"
}
# Each has one block, not the same one, and one of them has given the address up.
settled() {
  has_blocks 1 4 1 && has_blocks 2 4 1 && differ "$(blocks_of 1 4)" "$(blocks_of 2 4)" && equal "$(yielded)" 1
}
