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
  mend
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
  on 4 ip link set eth1 up
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
  # The switches may not know the ways yet.
  wait_until 30 grep -q open "$BATS_TEST_TMPDIR/streams"
}
streams_live() {
  on 2 sh -c 'kill -INT "$(cat /run/streams)" && rm /run/streams'
  wait_until 80 grep -qE '^32 ' "$BATS_TEST_TMPDIR/streams"
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

slow_ospf() {
  router frr-ospf | sed -E 's/^ (ip|ipv6) (ospf6?) bfd$/ \1 \2 hello-interval 1\n \1 \2 dead-interval 4/; /bfd profile/d' | frr_has
  router bird-ospf | sed 's/bfd yes;/hello 1; dead 4;/; /^protocol bfd/d' | bird_has
  hosts_have "$(section uplinks | slow)"
  wait_until 90 all_ways
}

@test "OSPF without BFD: an uplink that is silent is found dead by its dead interval" {
  slow_ospf
  losses 'OSPF without BFD, dead: 4' silent
}

@test "all uplinks are gone for half a minute: nothing is lost for it, and nothing is taken for a duplicate" {
  slow_ospf
  create_container 1 going mine --ip 10.1.0.21
  create_container 1 drained mine --ip 10.1.0.22
  wait_until 20 has_route 2 10.1.0.22
  watch_changes
  streams_start
  on 3 ip link set eth1 down
  on 4 ip link set eth1 down
  wait_until 30 not has_route 2 10.1.0.11
  wait_until 30 not has_route 1 10.1.0.2
  # What a host can do by itself, it does.
  docker_on 1 rm --force going >/dev/null
  create_container 1 late mine --ip 10.1.0.23
  succeeds on 1 "$NET_ROUTED" drain --endpoint 10.1.0.22
  shows '^drained: 10\.1\.0\.22/32'
  run on 1 "$NET_ROUTED" verify
  equal "$status" 3
  shows '^neighbour: none: ospfd has no neighbour, so nobody is told of anything$'
  shows '2 findings, 0 routes told again, 0 of 0 neighbours up'
  sleep 30
  equal "$(on 1 "$NET_ROUTED" status --json | jq --compact-output '[.faults, .duplicates, .held]')" '[[],[],[]]'
  on 3 ip link set eth1 up
  on 4 ip link set eth1 up
  wait_until 60 all_ways
  streams_live
  wait_until 20 has_route 2 10.1.0.23
  not has_route 2 10.1.0.21
  not has_route 2 10.1.0.22
  succeeds on 1 "$NET_ROUTED" undrain --endpoint 10.1.0.22
  wait_until 20 has_route 2 10.1.0.22
  local host
  for host in 1 2; do equal "$(log_since_mark $host | grep -E 'another host|"level":"error"' || :)" ''; done
  on 1 sh -c 'kill "$(cat /run/changes.pid)"; rm /run/changes.pid'
  # Of those that nobody touched.
  equal "$(on 1 grep -E '(blackhole|dev nr-)' /tmp/changes | grep -E '10\.1\.0\.1[123]|fd00:1::1[123]' || :)" ''
  docker_on 1 rm --force late drained >/dev/null
}

@test "the map and verify have both links; a drain waits for both neighbours, and not for one that is dead" {
  slow_ospf
  wait_until 20 map_has '203\.0\.113\.5, this host: to 192\.0\.2\.[34] \(10\), 192\.0\.2\.[34] \(10\)'
  equal "$(on 1 "$NET_ROUTED" map --dot | grep -cE '"203\.0\.113\.5" -- |-- "203\.0\.113\.5"')" 2
  wait_until 20 verifies
  shows '4 of 4 neighbours up$'
  create_container 1 moving mine --ip 10.1.0.21
  wait_until 20 has_route 2 10.1.0.21
  lose silent
  succeeds on 1 "$NET_ROUTED" drain --endpoint 10.1.0.21
  wait_until 20 not has_route 2 10.1.0.21
  wait_until 30 no_way_by
  mend
  wait_until 60 all_ways
  not has_route 2 10.1.0.21
  docker_on 1 rm --force moving >/dev/null
}
map_has() { on 1 "$NET_ROUTED" map | grep -qE "^$1\$"; }
verifies() { on 1 "$NET_ROUTED" verify; }

@test "published ports are reached at the address of either uplink, and the host itself reaches containers by both" {
  slow_ospf
  # Docker publishes nothing of internal networks.
  on 1 docker network create -d net-routed --ipam-driver ipam-routed --subnet 10.2.0.0/24 public >/dev/null
  create_container 1 web public --publish 8080:80
  docker_on 1 exec web sh -c 'echo hello >/index.html; httpd -h /'
  local address
  for address in 203.0.113.5 203.0.113.9; do
    wait_until 20 on 2 curl --silent --max-time 2 "http://$address:8080/"
    equal "$output" hello
    wait_until 20 run_in 2 watch timeout 5 wget -q -O - "http://$address:8080/"
    equal "$output" hello
  done
  for address in $ADDRESSES $ADDRESSES6; do wait_until 10 on 2 ping -c 1 -W 1 "$address"; done
  lose down
  wait_until 60 no_way_by
  for address in $ADDRESSES $ADDRESSES6; do wait_until 10 on 2 ping -c 1 -W 1 "$address"; done
  wait_until 20 run_in 2 watch timeout 5 wget -q -O - http://203.0.113.9:8080/
  mend
  docker_on 1 rm --force web >/dev/null
  docker_on 1 network rm public >/dev/null
}

@test "a strict reverse path filter is told; with equal ways it lets all through" {
  slow_ospf
  on 1 sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth1/rp_filter; echo 1 >/proc/sys/net/ipv4/conf/eth2/rp_filter'
  is_spread
  wait_until 60 warns_of eth1
  warns_of eth2
  # The way back is by one link, the way in by both.
  local address
  on 1 vtysh -c 'conf t' -c 'interface eth2' -c 'ip ospf cost 100'
  wait_until 20 ways_are 1 10.1.0.2 'dev eth1'
  wait_until 10 one_is_silent
  on 1 sh -c 'echo 2 >/proc/sys/net/ipv4/conf/eth2/rp_filter; echo 2 >/proc/sys/net/ipv4/conf/eth1/rp_filter'
  for address in $ADDRESSES; do wait_until 10 pings 2 watch "$address"; done
  wait_until 60 not warns_of eth2
  on 1 vtysh -c 'conf t' -c 'interface eth2' -c 'no ip ospf cost'
}
warns_of() { on 1 "$NET_ROUTED" status | grep -q "^warning: the reverse path filter of $1 is strict"; }
# By their ports, which say by which uplink they come.
one_is_silent() { ! on 2 nsenter --net="/proc/$(pid_of 2 watch)/ns/net" node -e '
  const { connect } = require("node:net")
  setTimeout(() => process.exit(1), 3000)
  let open = 0
  for (let i = 0; i < 32; i++) connect(7, "10.1.0.11").on("connect", () => { if (++open === 32) process.exit(0) })'; }

@test "containers have the smallest MTU of the uplinks, also where the default route is another one" {
  slow_ospf
  on 1 ip route add default via 192.0.2.2
  on 1 ip link set eth2 mtu 1400
  wait_until 60 has_mtu 1400
  on 1 ip link set eth2 mtu 1500
  wait_until 60 has_mtu 1500
  on 1 ip route del default via 192.0.2.2
}
has_mtu() {
  docker_on 1 rm --force sized >/dev/null 2>&1 || :
  create_container 1 sized mine
  equal "$(run_in 1 sized cat /sys/class/net/eth0/mtu)" "$1"
  docker_on 1 rm --force sized >/dev/null
}

# From here on the links have no addresses.
without_addresses() {
  local host
  for host in 1 2 3 4; do on $host sh -c 'for link in eth1 eth2; do ip -4 address flush dev $link; ip -6 address flush dev $link scope global; done'; done
}
unnumbered_bgp() {
  without_addresses
  router frr-bgp | frr_has
  router bird-bgp | bird_has
  hosts_have "$(section unnumbered-uplinks)"
  wait_until 90 all_ways
}

@test "BGP unnumbered: the same" {
  unnumbered_bgp
  is_spread
  losses 'BGP with BFD' down peer silent
}

@test "BGP unnumbered: hosts have an address on lo, which they announce and send from" {
  local host
  without_addresses
  router frr-bgp | frr_has
  router bird-bgp | bird_has
  for host in 1 2; do
    on $host sh -c "ip address add 10.255.0.$host/32 dev lo; ip address add fd00:255::$host/128 dev lo"
    configure $host "$(section unnumbered-uplinks | sed "s/as: 65001/as: 6500$host\n    addresses: [10.255.0.$host, 'fd00:255::$host']/")"
  done
  wait_until 60 all_ways
  for host in 1 2; do
    wait_until 20 ways_are $((3 - host)) 10.255.0.$host "$BOTH"
    wait_until 20 ways_are $((3 - host)) fd00:255::$host "$BOTH"
  done
  on 2 ip route get 10.1.0.11 | grep -q 'src 10\.255\.0\.2 '
  on 2 ip route get fd00:1::11 | grep -q 'src fd00:255::2 '
  succeeds on 2 ping -c 1 -W 2 10.1.0.11
  succeeds on 2 ping -c 1 -W 2 fd00:1::11
  succeeds run_in 1 c1 ping -c 1 -W 2 10.255.0.2
  configure 2 "$(section unnumbered-uplinks | sed 's/65001/65002/')"
  wait_until 20 not has_route 1 10.255.0.2
  for host in 1 2; do on $host sh -c "ip address del 10.255.0.$host/32 dev lo; ip address del fd00:255::$host/128 dev lo"; done
}

@test "BGP: an address that is heard by two uplinks is on one host" {
  unnumbered_bgp
  fails create_container 2 second mine --ip 10.1.0.11
  shows 'address 10\.1\.0\.11 is on another host already: AS 65001 announces it'
  docker_on 2 rm --force second >/dev/null
}

@test "BGP unnumbered without BFD: its hold time" {
  without_addresses
  router frr-bgp | sed '/ bfd/d' | frr_has
  router bird-bgp | sed '/^ *bfd yes;/d; /^protocol bfd/d' | bird_has
  hosts_have "$(section unnumbered-uplinks | slow)"
  wait_until 90 all_ways
  losses 'BGP without BFD, hold: 9' silent
}
