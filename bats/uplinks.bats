#!/usr/bin/env bats
# Two servers with two uplinks each, to a switch with FRR (host 3) and one with BIRD (host 4); an uplink is lost in every way
# that one can be lost in, and comes back.
#   LOSSES=N   how often each (default 1)

load helpers
load probe

LOSSES=${LOSSES:-1}
DOCUMENT=$(dirname "$BATS_DIR")/docs/routing.md
# Containers of host 1.
ADDRESSES='10.1.0.11 10.1.0.12 10.1.0.13'
ADDRESSES6='fd00:1::11 fd00:1::12 fd00:1::13'

setup_file() {
  FRR='zebra ospfd ospf6d bgpd bfdd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf BIRD=4 ROUTERS='3 4' \
    CABLES='1:eth1=3:eth1 1:eth2=4:eth1 2:eth1=3:eth2 2:eth2=4:eth2' lab_up 4
  local host number
  for host in 1 2; do create_network $host mine 10.1.0.0/16 --ipv6 --subnet fd00:1::/64; done
  for number in 1 2 3; do create_container 1 "c$number" mine --ip 10.1.0.1$number --ip6 fd00:1::1$number; done
  create_container 2 watch mine --ip 10.1.0.2 --ip6 fd00:1::2
  for host in 1 2 3 4; do on $host sh -c 'cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding
    echo 1 >ipv4/fib_multipath_hash_policy; echo 1 >ipv6/fib_multipath_hash_policy'; done
  in_container 1 c1 "$BATS_DIR/tools/streams.mjs" serve 7
}
# Containers and networks stay for all tests.
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  mend all
  on 2 sh -c 'for file in probe streams; do [ ! -e /run/$file ] || kill "$(cat /run/$file)"; rm -f /run/$file; done'
  on 1 sh -c '[ ! -e /run/changes.pid ] || kill "$(cat /run/changes.pid)"; rm -f /run/changes.pid'
}

# in_container K CONTAINER FILE ARG... - node in its network, in the background.
in_container() {
  local pid
  pid=$(pid_of "$1" "$2")
  on "$1" setsid nsenter --net="/proc/$pid/ns/net" node "${@:3}" >/dev/null 2>&1 3>&- &
}

# router NAME - the configuration of a switch in routing.md.
router() { awk -v mark="<!-- router: $1 -->" '$0 == mark { wanted = 1 } wanted && /^```/ { if (inside) exit; inside = 1; next } inside' "$DOCUMENT"; }
section() { example "$1" "$DOCUMENT" | sed 1d; }
frr_has() { # switch A, anew
  lab router 3 restart >/dev/null 2>&1
  on 3 sh -c 'cat >/tmp/router.conf; vtysh -f /tmp/router.conf' >/dev/null
}
bird_has() { on 4 sh -c 'cat >/etc/bird/bird.conf; birdc -s /run/bird/bird.ctl configure' >/dev/null; }

# ways K ADDRESS - by which links.
ways() {
  local family=-4
  [[ $2 != *:* ]] || family=-6
  on "$1" ip $family route show "$2" | grep -oE 'dev eth[0-9]' | sort | xargs
}
ways_are() { equal "$(ways "$1" "$2")" "$3"; }
BOTH='dev eth1 dev eth2'
# Both hosts have both ways to what the other one has.
all_ways() {
  local address
  for address in $ADDRESSES $ADDRESSES6; do ways_are 2 "$address" "$BOTH" || return; done
  ways_are 1 10.1.0.2 "$BOTH" && ways_are 1 fd00:1::2 "$BOTH"
}
no_way_by() { # eth1
  local address
  for address in $ADDRESSES $ADDRESSES6; do ways_are 2 "$address" 'dev eth2' || return; done
  ways_are 1 10.1.0.2 'dev eth2' && ways_are 1 fd00:1::2 'dev eth2'
}

# lose WAY - the uplink between host 1 and switch A.
lose() {
  case $1 in
    down) on 1 ip link set eth1 down ;;
    peer) on 3 ip link set eth1 down ;;
    silent) on 3 nft 'table netdev broken {
      chain in { type filter hook ingress device "eth1" priority 0; drop; }
      chain out { type filter hook egress device "eth1" priority 0; drop; }
    }' ;;
  esac
}
mend() {
  on 1 ip link set eth1 up
  on 3 sh -c 'ip link set eth1 up; ! nft list table netdev broken >/dev/null 2>&1 || nft delete table netdev broken'
}

# What host 1 tells others, and what it changes in its own kernel, from here on.
watch_changes() {
  on 1 sh -c 'ip monitor route >/tmp/changes 2>/dev/null & echo $! >/run/changes.pid' 3>&-
  sequences >"$BATS_TEST_TMPDIR/sequences"
  mark_log 1
  mark_log 2
}
# The numbers of its announcements in OSPF, which grow with each.
sequences() {
  on 1 sh -c 'vtysh -c "show ip ospf database external self-originate json" -c "show ipv6 ospf6 database as-external self-originate json"' |
    grep -oE '"(lsaSeqNumber|seqNum)": ?"?[0-9a-f]+' || :
}
nothing_of_ours_changed() {
  equal "$(on 1 grep -E 'blackhole|dev nr-' /tmp/changes || :)" ''
  equal "$(sequences)" "$(cat "$BATS_TEST_TMPDIR/sequences")"
  local host
  for host in 1 2; do
    equal "$(log_since_mark $host | grep -E '"level":"(warn|error)"' || :)" ''
    equal "$(on $host "$NET_ROUTED" status --json | jq --compact-output '[.faults, .duplicates]')" '[[],[]]'
  done
}

streams_start() {
  rm -f "$BATS_TEST_TMPDIR/streams"
  on 2 sh -c 'echo $$ >/run/streams; exec nsenter --net="/proc/$0/ns/net" node "$@"' "$(pid_of 2 watch)" \
    "$BATS_DIR/tools/streams.mjs" hold 10.1.0.11 7 32 >"$BATS_TEST_TMPDIR/streams" 2>&1 3>&- &
  wait_until 10 grep -q open "$BATS_TEST_TMPDIR/streams"
}
streams_live() {
  on 2 sh -c 'kill -INT "$(cat /run/streams)" && rm /run/streams'
  wait_until 30 grep -qE '^32 ' "$BATS_TEST_TMPDIR/streams"
  tell "TCP connections, broken, letters, missing: $(tail -n 1 "$BATS_TEST_TMPDIR/streams")"
  matches "$(tail -n 1 "$BATS_TEST_TMPDIR/streams")" '^32 0 [0-9]+ 0$'
}

# silence - the longest in milliseconds, of all addresses; ends the probe.
silence() {
  on 2 sh -c 'kill -INT "$(cat /run/probe)" && rm /run/probe'
  wait_until 10 grep -qE '^10\.1\.0\.13 [0-9]+ [0-9]+' "$BATS_TEST_TMPDIR/probe.2"
  awk '/^silence/ && $4 - $3 > longest { longest = $4 - $3 } END { print longest + 0 }' "$BATS_TEST_TMPDIR/probe.2"
}

# losses NAME WAY... - loses the uplink, each time with probes and connections, and looks what became of it.
losses() {
  local way found=()
  for way in "${@:2}"; do
    found=()
    for _ in $(seq "$LOSSES"); do
      wait_until 60 all_ways
      watch_changes
      streams_start
      # shellcheck disable=SC2086 # words on purpose
      probe_start 2 watch $ADDRESSES
      lose "$way"
      wait_until 60 no_way_by
      wait_until 10 pings 2 watch 10.1.0.11
      found+=("$(silence)")
      mend
      wait_until 60 all_ways
      streams_live
      on 1 sh -c 'kill "$(cat /run/changes.pid)"; rm /run/changes.pid'
      nothing_of_ours_changed
    done
    tell "$1, $way: silent for ${found[*]} ms, median $(printf '%s\n' "${found[@]}" | median)"
  done
}

sent_by() { on 1 cat "/sys/class/net/$1/statistics/$2_packets"; }
# Connections go both ways by both uplinks.
is_spread() {
  local link name before=()
  for link in eth1 eth2; do for name in rx tx; do before+=("$(sent_by $link $name)"); done; done
  streams_start
  wait_until 20 spread_since "${before[@]}"
  streams_live
}
spread_since() {
  local link name
  for link in eth1 eth2; do
    for name in rx tx; do [ "$(sent_by $link $name)" -gt $(($1 + 50)) ] || return; shift; done
  done
}

# hosts_have SECTION - their autonomous systems are 65001 and 65002.
hosts_have() {
  local host
  for host in 1 2; do configure $host "${1//65001/6500$host}"; done
}
# slow SECTION - without BFD, and with OSPF's shortest times.
slow() { sed -E 's/, bfd: \{[^}]*\}//; s/^( *)bfd: .*/\1hello: 1\n\1dead: 4/'; }

@test "OSPF, both families: containers by both uplinks, and by one while the other is lost" {
  router frr-ospf | frr_has
  router bird-ospf | bird_has
  hosts_have "$(section uplinks)"
  wait_until 90 all_ways
  is_spread
  losses 'OSPF with BFD' down peer silent
}

@test "OSPF without BFD: an uplink that is silent is found dead by its dead interval" {
  router frr-ospf | sed -E 's/^ (ip|ipv6) (ospf6?) bfd$/ \1 \2 hello-interval 1\n \1 \2 dead-interval 4/; /bfd profile/d' | frr_has
  router bird-ospf | sed 's/bfd yes;/hello 1; dead 4;/; /^protocol bfd/d' | bird_has
  hosts_have "$(section uplinks | slow)"
  wait_until 90 all_ways
  losses 'OSPF without BFD, dead: 4' silent
}

@test "BGP unnumbered: the same" {
  local host
  for host in 1 2 3 4; do on $host sh -c 'for link in eth1 eth2; do ip -4 address flush dev $link; ip -6 address flush dev $link scope global; done'; done
  router frr-bgp | frr_has
  router bird-bgp | bird_has
  hosts_have "$(section unnumbered-uplinks)"
  wait_until 90 all_ways
  is_spread
  losses 'BGP with BFD' down peer silent
}

@test "BGP unnumbered without BFD: its hold time" {
  router frr-bgp | sed '/ bfd/d' | frr_has
  router bird-bgp | sed '/^ *bfd yes;/d; /^protocol bfd/d' | bird_has
  hosts_have "$(section unnumbered-uplinks | slow)"
  wait_until 90 all_ways
  losses 'BGP without BFD, hold: 9' silent
}
