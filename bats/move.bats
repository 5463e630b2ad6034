#!/usr/bin/env bats
# A container starts on another host with the same address and is drained where it was, while a third host sends a packet
# every millisecond.
#   MOVES=N   how often (default 2)

load helpers
load probe

MOVES=${MOVES:-2}
ADDRESS=10.1.0.7
ADDRESS6=fd00:1::7

setup_file() {
  FRR='zebra ospfd ospf6d bgpd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf lab_up 3
  local host
  for host in 1 2 3; do create_network $host mine 10.1.0.0/16 --ipv6 --subnet fd00:1::/64; done
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  on 3 sh -c '[ ! -e /run/probe ] || kill "$(cat /run/probe)"; rm -f /run/probe'
  local host
  for host in 1 2 3; do on $host sh -c 'docker ps -aq | xargs -r docker rm -f' >/dev/null; done
}

@test "another host knows a container's address when its first packet arrives there" {
  local address answered
  for host in 1 3; do
    configure $host "{ ospf: { area: 0, interfaces: [eth0], network: point-to-multipoint },
      ospf3: { area: 0, interfaces: [eth0], hello: 1, dead: 4 } }"
  done
  create_container 1 near mine
  create_container 3 there mine --ip 10.1.0.3 --ip6 fd00:1::3
  for address in 10.1.0.3 fd00:1::3; do
    wait_until 60 pings 1 near $address
    answered=0
    for _ in 1 2 3 4 5 6; do
      ! docker_on 1 run --rm --net mine busybox ping -c 1 -W 1 $address >/dev/null || answered=$((answered + 1))
    done
    tell "first packets to $address: $answered of 6 answered"
    # All, unless the machine is too busy. Announced with the link, with Docker 28 hardly any.
    below 3 "$answered"
  done
}

@test "a container starts on another host, is drained where it was, and removed there: nothing is lost" {
  # With the protocol's own timers: a second LSA within a second would be refused by its neighbours.
  for host in 1 2 3; do
    configure $host "{ ospf: { area: 0, interfaces: [eth0], network: point-to-multipoint },
      ospf3: { area: 0, interfaces: [eth0], hello: 1, dead: 4 } }"
  done
  move_back_and_forth "$MOVES"
}

@test "the same with BGP" {
  configure 1 '{ bgp: { as: 65001, neighbors: [{ address: 192.0.2.3, as: 65003 }, { address: "2001:db8::3", as: 65003 }] } }'
  configure 2 '{ bgp: { as: 65002, neighbors: [{ address: 192.0.2.3, as: 65003 }, { address: "2001:db8::3", as: 65003 }] } }'
  configure 3 "{ bgp: { as: 65003, transit: true, neighbors: [{ address: 192.0.2.1, as: 65001 }, { address: 192.0.2.2, as: 65002 },
    { address: '2001:db8::1', as: 65001 }, { address: '2001:db8::2', as: 65002 }] } }"
  move_back_and_forth 2
}

# move_back_and_forth TIMES - between hosts 1 and 2, seen from host 3.
move_back_and_forth() {
  create_container 3 watch mine --ip 10.1.0.3 --ip6 fd00:1::3
  create_mover 1 mover
  wait_until 60 pings 3 watch $ADDRESS
  wait_until 60 pings 3 watch $ADDRESS6
  local from to
  for move in $(seq "$1"); do
    from=$((move % 2 == 1 ? 1 : 2))
    to=$((3 - from))
    # Who has just met its neighbours does not know yet that the address is elsewhere.
    wait_until 20 on $to sh -c "ip route show $ADDRESS | grep -q via && ip -6 route show $ADDRESS6 | grep -q via"
    probe_start 3 watch $ADDRESS $ADDRESS6
    create_mover $to mover
    wait_until 20 goes_to 3 192.0.2.$to
    wait_until 20 ways6_are 3 2
    succeeds on $from "$NET_ROUTED" drain --endpoint $ADDRESS
    shows "^drained: $ADDRESS/32"
    docker_on $from rm --force mover >/dev/null
    wait_until 20 goes_only_to 3 192.0.2.$to
    wait_until 20 ways6_are 3 1
    probe_end 3 "move $move"
  done
}
# It may be on another host, too: that is the move.
create_mover() {
  local command
  command=$(grep -oP '^    \Kdocker run -d --network name=mine,.*duplicates=warn.*' "$BATS_DIR/../docs/routing.md")
  command=${command/ip=10.1.0.7/ip=10.1.0.7,ip6=$ADDRESS6}
  on "$1" sh -c "${command/-d/--detach --name $2 --stop-signal KILL}" >/dev/null
}
# ways6_are K N
ways6_are() { [ "$(on "$1" ip -6 route show $ADDRESS6 | grep -c via)" = "$2" ]; }
goes_to() { on "$1" ip route show $ADDRESS | grep -q "via $2 "; }
goes_only_to() { goes_to "$@" && [ "$(on "$1" ip route show $ADDRESS | grep -c via)" = 1 ]; }

@test "BGP: what is drained is a worse way than any other, and comes back when it is undrained" {
  configure 1 '{ bgp: { as: 65001, neighbors: [{ address: 192.0.2.3, as: 65003 }] } }'
  configure 2 '{ bgp: { as: 65002, neighbors: [{ address: 192.0.2.3, as: 65003 }] } }'
  configure 3 '{ bgp: { as: 65003, neighbors: [{ address: 192.0.2.1, as: 65001 }, { address: 192.0.2.2, as: 65002 }] } }'
  create_mover 1 one
  create_mover 2 two
  wait_until 30 goes_to 3 192.0.2.1
  wait_until 30 goes_to 3 192.0.2.2
  succeeds on 1 "$NET_ROUTED" drain --all
  wait_until 10 goes_only_to 3 192.0.2.2
  succeeds on 1 "$NET_ROUTED" status
  shows "^drained +$ADDRESS/32"
  lab daemon 1 restart --config /etc/net-routed.yaml
  goes_only_to 3 192.0.2.2
  succeeds on 1 "$NET_ROUTED" undrain --all
  shows "^routed: $ADDRESS/32"
  wait_until 20 goes_to 3 192.0.2.1
}

@test "drain says what is wrong" {
  fails on 1 "$NET_ROUTED" drain --endpoint 10.9.9.9
  shows 'no endpoint of net-routed is "10.9.9.9"'
  lab daemon 2 restart
  fails on 2 "$NET_ROUTED" drain --all
  shows 'the configuration has no section routing'
}
