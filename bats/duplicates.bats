#!/usr/bin/env bats
# The same address on two hosts by mistake: refused where it can be seen, settled where it could not.
#   FAILOVER=1   also a host that fails and comes back, and neighbours that are slow to listen, which takes two minutes

load helpers
load probe

ADDRESS=10.1.0.7
OSPF='ospf: { area: 0, interfaces: [eth0], network: point-to-multipoint, hello: 1, dead: 6 }'

setup_file() {
  FRR='zebra ospfd bgpd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf lab_up 3
  local host
  for host in 1 2 3; do create_network $host mine 10.1.0.0/16; done
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  local host
  for host in 1 2 3; do
    on $host true 2>/dev/null || lab boot $host
    connect $host
    on $host sh -c 'docker ps -aq | xargs -r docker rm -f' >/dev/null
  done
}

# with_mode MODE - on all hosts, and waits until all see each other.
with_mode() {
  local host
  for host in 1 2 3; do configure $host "{ duplicates: $1, grace: 2, $OSPF }"; done
  for host in 1 2 3; do wait_until 60 sees_all $host; done
}
sees_all() { equal "$(on "$1" vtysh -c 'show ip ospf neighbor' | grep -c Full/)" 2; }
is_alone() { equal "$(on "$1" vtysh -c 'show ip ospf neighbor' | grep -c Full/)" 0; }
cut() { lab net switch ip link set "h$1" down && wait_until 20 is_alone "$1"; }
connect() { lab net switch ip link set "h$1" up; }

announces() { on "$1" ip route show type blackhole proto 200 | grep -qF "$ADDRESS "; }
goes_only_to() { equal "$(on "$1" ip route show $ADDRESS | grep -oE 'via [0-9.]+')" "via $2"; }
leads_to() { equal "$(on 3 ping -c 1 -W 1 $ADDRESS | grep -c ttl=)" 1 && goes_only_to 3 "192.0.2.$1"; }
state_is() { succeeds on "$1" "$NET_ROUTED" status && shows "^$2 +$ADDRESS/32"; }
duplicates_of() { on "$1" curl -s --unix-socket /run/docker/plugins/net-routed.sock http://x/metrics | awk '$1 == "net_routed_duplicates" { print $2 }'; }
# For how many seconds host 3 has known that host K announces it.
age_of() {
  on 3 vtysh -c "show ip ospf database external $ADDRESS json" |
    jq "[.asExternalLinkStates[] | select(.advertisingRouter == \"192.0.2.$1\") | .lsaAge][0] // 0"
}
is_older_than() { [ "$(age_of "$1")" -ge "$2" ]; }

# on_both_sides - host 1 has the address for longer, host 2 gets it while they cannot see each other.
on_both_sides() {
  create_container 1 one mine --ip $ADDRESS
  wait_until 20 leads_to 1
  cut 2
  # More than the ten seconds that are a race.
  wait_until 40 is_older_than 1 17
  create_container 2 two mine --ip $ADDRESS
  wait_until 5 announces 2
  connect 2
  wait_until 30 sees_all 2
}

@test "refuse: an address of another host is not given out, and not let in; who only holds it gives way" {
  with_mode refuse
  create_container 1 one mine --ip 10.1.0.1
  create_container 1 two mine --ip $ADDRESS
  wait_until 20 leads_to 1
  create_container 2 automatic mine
  equal "$(address_of 2 automatic)" 10.1.0.2
  fails create_container 2 second mine --ip $ADDRESS
  shows "address $ADDRESS is on another host already: 192.0.2.1 announces it"
  wait_until 10 leads_to 1
  docker_on 2 rm --force second >/dev/null
  docker_on 1 rm --force two >/dev/null
  create_container 2 second mine --ip $ADDRESS
  wait_until 10 leads_to 2
  equal "$(duplicates_of 1) $(duplicates_of 2)" '0 0'
}

@test "refuse: what the other host drains, what is anycast, and what is taken on purpose is let in" {
  with_mode refuse
  create_container 1 one mine --ip $ADDRESS
  wait_until 20 leads_to 1
  on 1 "$NET_ROUTED" drain --endpoint $ADDRESS >/dev/null &
  wait_until 20 worst_on_3
  create_container 2 two mine --ip $ADDRESS
  wait
  wait_until 20 leads_to 2
  state_is 1 drained
  docker_on 1 rm --force one >/dev/null
  docker_on 3 network create --internal --driver=net-routed --ipam-driver=ipam-routed --subnet 10.9.0.0/24 \
    -o net-routed.anycast=true any >/dev/null
  create_network 1 any 10.9.0.0/24 -o net-routed.anycast=true
  create_container 3 any any --ip 10.9.0.5
  wait_until 20 has_route 1 10.9.0.5
  create_container 1 any any --ip 10.9.0.5
  wait_until 20 on 2 sh -c 'ip route show 10.9.0.5 | grep -q 192.0.2.1 && ip route show 10.9.0.5 | grep -q 192.0.2.3'
  equal "$(duplicates_of 1) $(duplicates_of 3)" '0 0'
  create_container 1 three mine --ip 10.1.0.8
  wait_until 20 on 3 sh -c "ip route show 10.1.0.8 | grep -q 192.0.2.1"
  docker_on 3 run --detach --name three --network name=mine,ip=10.1.0.8,driver-opt=net-routed.duplicates=warn \
    busybox sleep 100000 >/dev/null
  wait_until 20 on 2 sh -c 'ip route show 10.1.0.8 | grep -q 192.0.2.1 && ip route show 10.1.0.8 | grep -q 192.0.2.3'
}
worst_on_3() { on 3 ip -j route show $ADDRESS | jq -e '.[0].metric' >/dev/null && on 3 vtysh -c "show ip route $ADDRESS" | grep -q 'metric 16777214'; }

@test "the section as documented is taken" {
  configure 1 "$(example duplicates "$BATS_DIR/../docs/routing.md" | sed 1d)"
}

@test "refuse: of two that were too quick one stays, and the other comes when it ends" {
  with_mode refuse
  local pids=() host winner loser
  for host in 1 2; do create_container $host racer mine --ip $ADDRESS 2>/dev/null & pids+=($!); done
  wait "${pids[0]}" || :
  wait "${pids[1]}" || :
  wait_until 10 one_announces
  winner=$(on 3 ip route show $ADDRESS | grep -oE 'via 192.0.2.[12]' | tail -c 2)
  loser=$((3 - winner))
  leads_to "$winner"
  tell "the winner is host $winner; on the other: $(on $loser docker ps --format '{{.Names}}' | grep -c racer) running"
}
one_announces() {
  local count=0 host
  for host in 1 2; do if announces $host; then count=$((count + 1)); fi; done
  equal $count 1 && { leads_to 1 || leads_to 2; }
}

@test "refuse: when hosts see each other again, the container that is older keeps the address" {
  # Not one that was announced by host 2 just before: it would look older.
  local ADDRESS=10.1.0.17
  with_mode refuse
  on_both_sides
  wait_until 5 state_is 2 yielded
  wait_until 5 is_told
  equal "$(duplicates_of 2)" 1
  wait_until 10 leads_to 1
  fails on 2 "$NET_ROUTED" verify
  shows "duplicate: $ADDRESS: on 192.0.2.1, too, and not announced here"
  lab daemon 2 restart --config /etc/net-routed.yaml
  state_is 2 yielded
  not announces 2
  docker_on 1 rm --force one >/dev/null
  wait_until 20 leads_to 2
  wait_until 5 state_is 2 routed
  grep -q 'address is on another host too' "$LAB/h2/daemon.log"
}

is_told() { state_is 2 yielded && shows "duplicate: $ADDRESS: 192.0.2.1 announces it, too; it is not announced here"; }

@test "refuse: a host that comes back after a failure does not take the address from the one that has it since" {
  [ -n "${FAILOVER:-}" ] || skip 'FAILOVER is not set'
  local ADDRESS=10.1.0.27
  with_mode refuse
  create_container 1 one mine --ip $ADDRESS --restart always
  wait_until 20 leads_to 1
  # Sent anew, as what has been announced for more than half an hour.
  on 1 "$NET_ROUTED" drain --all >/dev/null &
  wait_until 20 worst_on_3
  on 1 "$NET_ROUTED" undrain --all >/dev/null
  wait
  wait_until 10 not worst_on_3
  lab kill 1
  wait_until 40 starts 2 two
  wait_until 10 leads_to 2
  wait_until 40 is_older_than 2 17
  lab boot 1
  configure 1 "{ duplicates: refuse, grace: 2, $OSPF }"
  wait_until 60 sees_all 1
  wait_until 20 state_is 1 yielded
  leads_to 2
  state_is 2 routed
  not grep -q "given up.*$ADDRESS" "$LAB/h2/daemon.log"
}

starts() { create_container "$1" "$2" mine --ip $ADDRESS || { docker_on "$1" rm --force "$2" && false; }; }

@test "refuse: who has asked in vain takes the address from nobody, where neighbours take one announcement in a second" {
  [ -n "${FAILOVER:-}" ] || skip 'FAILOVER is not set'
  with_mode refuse
  # The default of OSPF, in place of ours.
  on 1 vtysh -c 'configure terminal' -c 'router ospf' -c 'timers lsa min-arrival 1000' >/dev/null
  create_container 1 one mine --ip $ADDRESS
  wait_until 20 leads_to 1
  mark_log 1
  for _ in 1 2; do
    fails create_container 2 two mine --ip $ADDRESS
    docker_on 2 rm --force two >/dev/null
  done
  equal "$(count_logged 1 'address (given up|is on another host)')" 0
  leads_to 1
}

@test "warn: both stay, and both are told" {
  with_mode warn
  on_both_sides
  wait_until 5 equal_duplicates
  announces 1 && announces 2
  succeeds on 3 "$NET_ROUTED" map
  shows "twice: $ADDRESS: 192.0.2.1, 192.0.2.2"
}
equal_duplicates() { equal "$(duplicates_of 1) $(duplicates_of 2)" '1 1'; }

@test "take-over: who comes second has it" {
  with_mode take-over
  create_container 1 one mine --ip $ADDRESS
  wait_until 20 leads_to 1
  wait_until 40 is_older_than 1 17
  create_container 2 two mine --ip $ADDRESS
  wait_until 5 state_is 1 yielded
  wait_until 10 leads_to 2
}

@test "BGP: refused where it is seen, and one stays when hosts see each other again" {
  configure 1 '{ grace: 0, bgp: { as: 65001, neighbors: [{ address: 192.0.2.2, as: 65002 }, { address: 192.0.2.3, as: 65003 }] } }'
  configure 2 '{ grace: 0, bgp: { as: 65002, neighbors: [{ address: 192.0.2.1, as: 65001 }, { address: 192.0.2.3, as: 65003 }] } }'
  configure 3 '{ grace: 0, bgp: { as: 65003, neighbors: [{ address: 192.0.2.1, as: 65001 }, { address: 192.0.2.2, as: 65002 }] } }'
  create_container 1 one mine --ip $ADDRESS
  wait_until 60 leads_to 1
  wait_until 30 has_route 2 $ADDRESS
  fails create_container 2 two mine --ip $ADDRESS
  shows 'AS 65001 announces it'
  docker_on 2 rm --force two >/dev/null
  lab net switch ip link set h2 down
  wait_until 30 lost_bgp
  create_container 2 two mine --ip $ADDRESS
  connect 2
  wait_until 30 state_is 2 yielded
  wait_until 10 leads_to 1
}
lost_bgp() { equal "$(on 2 vtysh -c 'show bgp summary json' | jq '[.ipv4Unicast.peers[] | select(.state == "Established")] | length')" 0; }
