#!/usr/bin/env bats
# The daemon writes the routing daemon's configuration: FRR starts with an empty one on hosts 1 to 3, host 4 has BIRD. With
# ENGINE_ROOT it is the FRR of a newer Debian (make test-frr).

load helpers

NET_ROUTED=$(dirname "$BATS_DIR")/bin/net-routed
DOCUMENT=$(dirname "$BATS_DIR")/docs/routing.md
ROUTERS='1 2 3'

setup_file() {
  FRR='zebra ospfd ospf6d bgpd bfdd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf BIRD=4 lab_up 4
  local host
  for host in 1 2 3 4; do
    create_network $host mine 10.1.0.0/16
    create_network $host six 10.6.0.0/16 --ipv6 --subnet fd00:6::/64
  done
  # Links from host to host, beside the switch.
  link_hosts 1 to2 2 to1 203.0.113.1 203.0.113.2
  link_hosts 2 to3 3 to2 203.0.113.5 203.0.113.6
  # An engine drops what it forwards for others than its containers; whoever wants a host in the middle has to say so.
  on 2 sh -c 'iptables -I DOCKER-USER -i to+ -o to+ -j ACCEPT'
}
# The networks stay for all tests; what a test configures does not.
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  local host
  for host in 1 2 3 4; do on $host sh -c 'docker ps -aq | xargs -r docker rm -f' >/dev/null; done
  for host in $ROUTERS; do
    lab daemon "$host" restart &
  done
  wait
  for host in $ROUTERS; do
    lab router "$host" restart >/dev/null 2>&1
    wait_until 10 is_bare "$host"
  done
}

# link_hosts K NAME L NAME ADDRESS ADDRESS
link_hosts() {
  local k l
  read -r k _ <"$LAB/h$1/pid"
  read -r l _ <"$LAB/h$3/pid"
  lab net switch ip link add "$2" netns "$k" type veth peer name "$4" netns "$l"
  on "$1" sh -c "ip link set $2 up; ip address add $5/30 dev $2"
  on "$3" sh -c "ip link set $4 up; ip address add $6/30 dev $4"
}

# configure K - restarts the daemon of host K with the configuration on standard input.
configure() {
  on "$1" sh -c 'cat >/etc/net-routed.yaml'
  lab daemon "$1" restart --config /etc/net-routed.yaml
}
# configured K - once all is written and taken.
is_configured() {
  on "$1" "$NET_ROUTED" routing --diff && equal "$(on "$1" "$NET_ROUTED" status --json | jq '.faults | length')" 0
}
configured() { wait_until 10 is_configured "$1"; }
running() { on "$1" vtysh -c 'show running-config'; }
is_bare() { ! running "$1" | grep -E 'net-routed|^router '; }
has_line() { running "$1" | grep -qE -- "$2"; }
has_fault() { on "$1" "$NET_ROUTED" status --json | jq --raw-output '.faults[] | "\(.key) \(.error)"' | grep -qE -- "$2"; }
via() { on "$1" ip route show "$2" | grep -q "via"; }
via6() { on "$1" ip -6 route show "$2" | grep -q "via"; }
neighbours_are() { equal "$(on "$1" vtysh -c 'show ip ospf neighbor' | grep -c Full/)" "$2"; }

# example NAME - of a document on standard input, the fenced block behind `<!-- example: NAME -->`.
example() { awk -v mark="<!-- example: $1 -->" '$0 == mark { wanted = 1 } wanted && /^```/ { if (inside) exit; inside = 1; next } inside'; }

# What host K has learnt of the subnets of containers, from whatever protocol.
learnt() { on "$1" sh -c 'ip route show; ip -6 route show' | awk '/^(10\.|fd00:6|172\.31|198\.51)/ && / (via|inet6)|nhid/ && !/ dev nr-/ { print $1 }' | sort -u | xargs; }
learnt_is() { equal "$(learnt "$1")" "$2"; }

# ospf [AREA [OPTION...]] - on the switch; pair - hosts 1 and 2 by OSPF on the link between them, with such options.
ospf() { printf 'routing:\n  ospf: { area: %s, interfaces: [eth0], hello: 1, dead: 4%s }\n' "${1:-0.0.0.0}" "${2:-}"; }
pair() {
  configure 1 <<<"routing: { ospf: { interfaces: [to2], network: point-to-point, hello: 1, dead: 4, $1 } }"
  configure 2 <<<"routing: { ospf: { interfaces: [to1], network: point-to-point, hello: 1, dead: 4, ${2:-$1} } }"
}

@test "OSPF: containers of four hosts reach each other, BIRD's too, and only container routes leave a host" {
  local host other
  for host in $ROUTERS; do ospf | configure "$host"; done
  for host in 1 2 3 4; do create_container "$host" "c$host" mine --ip "10.1.0.$host"; done
  on 1 sh -c 'ip route add 172.31.0.0/24 dev eth0; ip route add 10.77.0.0/16 dev eth0 proto 200
    ip route add 198.51.100.1 dev eth0; ip route add 10.1.7.0/24 dev eth0; ip route add 10.1.0.99 via 192.0.2.9'
  for host in 1 2 3 4; do
    for other in 1 2 3 4; do [ "$host" = "$other" ] || wait_until 60 pings "$host" "c$host" "10.1.0.$other"; done
  done
  for host in $ROUTERS; do configured "$host"; done
  learnt_is 2 '10.1.0.1 10.1.0.3 10.1.0.4'
  learnt_is 4 '10.1.0.1 10.1.0.2 10.1.0.3'
  succeeds on 1 "$NET_ROUTED" map
  shows '^192\.0\.2\.1, this host: to segment of 192\.0\.2\.[1-4] \(10\)$'
  shows '^4 routers, 4 addresses, 0 of them anycast, 0 twice$'
  succeeds on 2 "$NET_ROUTED" map --json
  equal "$(jq --compact-output '[.routers[] | [.id, .isSelf, .addresses[]]]' <<<"$output")" \
    '[["192.0.2.1",false,"10.1.0.1"],["192.0.2.2",true,"10.1.0.2"],["192.0.2.3",false,"10.1.0.3"],["192.0.2.4",false,"10.1.0.4"]]'
  succeeds on 3 "$NET_ROUTED" map --dot
  shows '^  "192\.0\.2\.3" -- "segment 192\.0\.2\.[1-4]"'
  on 1 sh -c 'ip route del 172.31.0.0/24; ip route del 10.77.0.0/16; ip route del 198.51.100.1; ip route del 10.1.7.0/24; ip route del 10.1.0.99'
  # Nothing goes towards containers.
  succeeds on 1 vtysh -c 'show ip ospf interface'
  hides '^nr-'
}

@test "networks come and go with one line each" {
  ospf | configure 1
  configured 1
  has_line 1 '^ip prefix-list net-routed seq [0-9]+ permit 10.1.0.0/16 ge 32'
  create_network 1 later 10.9.0.0/24
  wait_until 2 has_line 1 '^ip prefix-list net-routed seq [0-9]+ permit 10.9.0.0/24 ge 32'
  equal "$(grep -c '"daemon":"ospfd","level":"info","lines":1,"message"' "$LAB/h1/daemon.log")" 1
  docker_on 1 network rm later
  wait_until 2 not has_line 1 '10\.9\.0\.0/24'
  has_line 1 '^ip prefix-list net-routed seq [0-9]+ permit 10.1.0.0/16 ge 32'
}

@test "what the operator has in FRR stays, whatever comes and goes; what is in the way is a fault" {
  on 1 vtysh -c 'conf t' -c 'interface eth0' -c 'ip ospf hello-interval 3' -c exit \
    -c 'router ospf' -c 'timers throttle spf 10 100 1000' -c 'redistribute static' -c exit \
    -c 'ip prefix-list mine seq 5 permit 192.0.2.0/24' -c 'router bgp 65099' -c 'neighbor 192.0.2.77 remote-as 65077'
  local before
  before=$(running 1)
  ospf | configure 1
  wait_until 5 has_line 1 'redistribute kernel route-map net-routed'
  wait_until 5 has_fault 1 'routing ospfd: interface eth0 / ip ospf hello-interval 1 "ip ospf hello-interval 3" is there'
  run on 1 "$NET_ROUTED" routing --diff
  equal "$status" 3
  shows '^! "ip ospf hello-interval 3" is there and is not ours, so "ip ospf hello-interval 1" is not written'
  running 1 >"$BATS_TEST_TMPDIR/with"
  grep -qx ' timers throttle spf 10 100 1000' "$BATS_TEST_TMPDIR/with"
  # Every line of before is still there.
  equal "$(grep -vxFf "$BATS_TEST_TMPDIR/with" <<<"$before" || :)" ''
  lab daemon 1 restart
  wait_until 5 not has_line 1 net-routed
  # FRR does not forget this one; it says what is so anyway.
  equal "$(running 1 | grep -v 'no ip ospf passive')" "$before"
  succeeds on 1 ls /var/lib/net-routed/router
  equal "$output" ''
}

@test "FRR restarts, by order and by accident: its configuration is back, and so are the routes" {
  pair 'area: 0'
  create_container 1 c1 mine --ip 10.1.0.1
  create_container 2 c2 mine --ip 10.1.0.2
  wait_until 30 pings 1 c1 10.1.0.2
  lab router 1 restart
  wait_until 2 is_configured 1
  wait_until 30 pings 1 c1 10.1.0.2
  lab router 1 kill
  wait_until 2 has_fault 1 'routing ospfd ospfd does not run'
  lab router 1 start
  wait_until 2 is_configured 1
  wait_until 30 pings 1 c1 10.1.0.2
}

@test "what somebody changes of ours is repaired, and told" {
  ospf | configure 1
  configured 1
  on 1 vtysh -c 'conf t' -c 'router ospf' -c 'redistribute kernel' -c exit -c 'route-map net-routed permit 8' -c exit \
    -c 'ip prefix-list net-routed seq 7 permit 0.0.0.0/0 le 32' -c 'interface eth0' -c 'no ip ospf area 0.0.0.0'
  wait_until 10 grep -q '"message":"routing daemon differs, repaired"' "$LAB/h1/daemon.log"
  wait_until 10 is_configured 1
  run grep -F '"message":"routing daemon differs, repaired"' "$LAB/h1/daemon.log"
  shows '"- route-map net-routed permit 8"'
  shows '"- ip prefix-list net-routed seq 7 permit 0\.0\.0\.0/0 le 32"'
  shows '"\+  redistribute kernel route-map net-routed"'
  shows '"\+  ip ospf area 0\.0\.0\.0"'
}

@test "FRR is away when Docker asks: networks and containers are made, the routes follow" {
  lab router 1 stop
  pair 'area: 0'
  create_network 1 meanwhile 10.8.0.0/24
  create_container 1 c1 meanwhile --ip 10.8.0.1
  on 1 ping -c 1 -W 2 10.8.0.1
  has_fault 1 'ospfd does not run'
  lab router 1 start
  create_network 2 meanwhile 10.8.0.0/24
  wait_until 30 via 2 10.8.0.1
  docker_on 1 rm --force c1
  docker_on 1 network rm meanwhile
  docker_on 2 network rm meanwhile
}

@test "OSPF with MD5: neighbours need the key, and nothing shows it" {
  local key='authentication: { key: s3cr3t-key }'
  pair "area: 0, $key" 'area: 0, authentication: { key: another }'
  configured 1
  configured 2
  has_line 1 'ip ospf message-digest-key 1 md5 s3cr3t-key'
  succeeds on 1 "$NET_ROUTED" routing
  shows 'message-digest-key 1 md5 <secret>'
  fails neighbours_are 1 1
  pair "area: 0, $key"
  wait_until 30 neighbours_are 1 1
  has_line 2 'md5 s3cr3t-key'
  on 1 vtysh -c 'conf t' -c 'interface to2' -c 'no ip ospf message-digest-key 1'
  wait_until 10 is_configured 1
  succeeds on 1 "$NET_ROUTED" status --json
  fails grep -rE 's3cr3t|another' <(echo "$output") "$LAB"/h[12]/daemon.log
  fails on 1 grep -r s3cr3t /var/lib/net-routed
}

@test "OSPF in a not-so-stubby area; a stub area is refused with the reason" {
  pair 'area: 5, area-type: nssa'
  create_container 1 c1 mine --ip 10.1.0.1
  create_container 2 c2 mine --ip 10.1.0.2
  wait_until 30 pings 1 c1 10.1.0.2
  ospf 0.0.0.5 ', area-type: stub' | on 1 sh -c 'cat >/tmp/stub.yaml'
  run on 1 "$NET_ROUTED" --config /tmp/stub.yaml
  equal "$status" 2
  shows 'routing.ospf.area-type: "stub" is an area that carries no external routes.*make it nssa'
}

@test "OSPFv3: IPv6 containers reach each other, with authentication" {
  local options='area: 0, network: point-to-point, hello: 1, dead: 4, authentication: { key: s3cr3t }'
  configure 1 <<<"routing: { ospf3: { interfaces: [to2], $options } }"
  configure 2 <<<"routing: { ospf3: { interfaces: [to1], $options } }"
  create_container 1 c1 six --ip 10.6.0.1 --ip6 fd00:6::1
  create_container 2 c2 six --ip 10.6.0.2 --ip6 fd00:6::2
  configured 1
  configured 2
  wait_until 30 via6 1 fd00:6::2
  wait_until 10 run_in 1 c1 ping -6 -c 1 -W 2 fd00:6::2
  on 1 ip -6 route add fd00:99::/64 dev eth0
  on 1 ip -6 route add fd00:98::1/128 dev eth0
  on 1 ip -6 route add fd00:6::99/128 dev eth0
  create_container 1 last six --ip 10.6.0.3 --ip6 fd00:6::3
  wait_until 10 via6 2 fd00:6::3
  fails via6 2 fd00:98::1
  fails via6 2 fd00:99::/64
  fails via6 2 fd00:6::99
  on 1 sh -c 'ip -6 route del fd00:99::/64; ip -6 route del fd00:98::1/128; ip -6 route del fd00:6::99'
}

@test "BGP with addresses: FRR and BIRD, passwords; nobody passes on what is not its own" {
  local host
  for host in $ROUTERS; do
    # Host 1 is everybody's neighbour.
    local others='{ address: 192.0.2.1, as: 65001, password: geheim }'
    [ "$host" != 1 ] || others='{ address: 192.0.2.2, as: external, password: geheim }, { address: 192.0.2.3, as: 65003, password: geheim }, { address: 192.0.2.4, as: 65004, password: geheim, max-prefixes: 1000 }'
    configure "$host" <<<"routing: { bgp: { as: 6500$host, neighbors: [ $others ] } }"
  done
  bird_speaks_bgp
  for host in 1 2 3 4; do create_container "$host" "c$host" mine --ip "10.1.0.$host"; done
  for host in $ROUTERS; do configured "$host"; done
  on 1 sh -c 'ip route add 198.51.100.1 dev eth0; ip route add 10.1.0.99 dev eth0'
  for host in 2 3 4; do wait_until 30 pings 1 c1 "10.1.0.$host"; done
  # Host 1 has all routes, and announces its own only: it is no transit.
  wait_until 10 learnt_is 1 '10.1.0.2 10.1.0.3 10.1.0.4'
  wait_until 10 learnt_is 2 '10.1.0.1'
  wait_until 10 learnt_is 4 '10.1.0.1'
  on 1 sh -c 'ip route del 198.51.100.1; ip route del 10.1.0.99'
  # What no neighbour speaks is not asked of zebra, and not missed.
  grep -q 'lost zebra' "$LAB/h1/daemon.log" && return 1
  succeeds on 1 "$NET_ROUTED" routing
  shows 'neighbor 192.0.2.4 password <secret>'
  bird_speaks_ospf
}

bird_speaks_bgp() {
  on 4 sh -c 'cp /etc/bird/bird.conf /etc/bird/ospf.conf; cat >/etc/bird/bird.conf; birdc -s /run/bird/bird.ctl configure' <<'CONF'
router id 192.0.2.4;
protocol device { }
protocol kernel {
  learn;
  ipv4 { import where net ~ [ 10.0.0.0/8{32,32} ]; export where source = RTS_BGP; };
}
protocol bgp host1 {
  local 192.0.2.4 as 65004;
  neighbor 192.0.2.1 as 65001;
  password "geheim";
  ipv4 { import all; export where source = RTS_INHERIT; next hop self; };
}
CONF
}
bird_speaks_ospf() { on 4 sh -c 'cp /etc/bird/ospf.conf /etc/bird/bird.conf; birdc -s /run/bird/bird.ctl configure'; }

@test "BGP within one autonomous system: hosts reach each other through what a route reflector tells them" {
  reflect
  local host other
  for host in $ROUTERS; do
    example reflector <"$DOCUMENT" | sed 's/change-me/geheim/' | configure "$host"
    create_container "$host" "c$host" mine --ip "10.1.0.$host"
  done
  for host in $ROUTERS; do
    for other in $ROUTERS; do [ "$host" = "$other" ] || wait_until 30 pings "$host" "c$host" "10.1.0.$other"; done
    configured "$host"
  done
  # Not by way of the reflector.
  on 1 ip route show 10.1.0.2 | grep -q 'via 192.0.2.2 '
  bird_speaks_ospf
}
reflect() {
  on 4 sh -c 'cp /etc/bird/bird.conf /etc/bird/ospf.conf
    { echo "router id 192.0.2.4; protocol device { }"
      for k in 1 2 3; do
        echo "protocol bgp host$k { local 192.0.2.4 as 65000; neighbor 192.0.2.$k as 65000; password \"geheim\";"
        echo "  rr client; ipv4 { import all; export all; }; }"
      done; } >/etc/bird/bird.conf
    birdc -s /run/bird/bird.ctl configure'
}

@test "BGP unnumbered in a chain, both families, BFD: the host in the middle passes on what it is asked to" {
  local bfd='bfd: { interval: 300, multiplier: 3 }'
  configure 1 <<<"routing: { bgp: { as: 65001, neighbors: [ { interface: to2, as: external, $bfd } ] } }"
  configure 2 <<<"routing: { bgp: { as: 65002, transit: true, neighbors: [ { interface: to1, as: external, $bfd }, { interface: to3, as: external, $bfd } ] } }"
  configure 3 <<<"routing: { bgp: { as: 65003, neighbors: [ { interface: to2, as: external, $bfd } ] } }"
  local host
  for host in $ROUTERS; do
    create_container "$host" "c$host" six --ip "10.6.0.$host" --ip6 "fd00:6::$host"
    configured "$host"
  done
  on 1 sh -c 'ip route add 10.6.0.99 dev eth0; ip -6 route add fd00:6::99 dev eth0'
  wait_until 60 pings 1 c1 10.6.0.3
  wait_until 60 run_in 3 c3 ping -6 -c 1 -W 2 fd00:6::1
  wait_until 30 bfd_is_up 2 2
  wait_until 30 learnt_is 3 '10.6.0.1 10.6.0.2 fd00:6::1 fd00:6::2'
  on 1 sh -c 'ip route del 10.6.0.99; ip -6 route del fd00:6::99'
  # A dead neighbour on a live link: BFD tells after 0.9 s, BGP itself after nine.
  on 3 sh -c 'iptables -I INPUT -i to2 -j DROP; ip6tables -I INPUT -i to2 -j DROP'
  wait_until 5 not via 1 10.6.0.3
  on 3 sh -c 'iptables -D INPUT -i to2 -j DROP; ip6tables -D INPUT -i to2 -j DROP'
  wait_until 60 pings 1 c1 10.6.0.3
}
bfd_is_up() { equal "$(on "$1" vtysh -c 'show bfd peers' | grep -c 'Status: up')" "$2"; }

@test "filters only: the operator's own redistribution uses them" {
  on 1 vtysh -c 'conf t' -c 'interface to2' -c 'ip ospf area 0' -c 'ip ospf network point-to-point' -c 'ip ospf hello-interval 1' -c 'ip ospf dead-interval 4' \
    -c exit -c 'router ospf' -c 'redistribute kernel route-map net-routed'
  configure 2 <<<'routing: { ospf: { area: 0, interfaces: [to1], network: point-to-point, hello: 1, dead: 4 } }'
  create_container 1 c1 mine --ip 10.1.0.1
  on 1 ip route add 198.51.100.1 dev eth0
  wait_until 30 neighbours_are 2 1
  fails via 2 10.1.0.1 # a map that does not exist lets nothing out
  configure 1 <<<'routing: {}'
  wait_until 10 via 2 10.1.0.1
  fails via 2 198.51.100.1
  configured 1
  succeeds on 1 "$NET_ROUTED" routing
  shows '^! ospfd'
  hides '^router'
  lab daemon 1 restart
  wait_until 10 not via 2 10.1.0.1
  has_line 1 'redistribute kernel route-map net-routed'
  on 1 ip route del 198.51.100.1
}

@test "the command shows what is wanted, what differs and what a change would do" {
  ospf 0.0.0.0 ', cost: 5' | configure 1
  configured 1
  succeeds on 1 "$NET_ROUTED" routing
  shows '^route-map net-routed permit 10$'
  shows '^ redistribute kernel route-map net-routed$'
  succeeds on 1 "$NET_ROUTED" routing --json
  equal "$(jq --compact-output '[.[] | [.daemon, (.difference | length)]]' <<<"$output")" '[["zebra",0],["ospfd",0]]'
  ospf 0.0.0.0 ', cost: 7' | on 1 sh -c 'cat >/tmp/new.yaml'
  run on 1 "$NET_ROUTED" routing --dry-run --config /tmp/new.yaml
  equal "$status" 3
  equal "$output" $'! ospfd\n  interface eth0\n+  ip ospf cost 7'
  has_line 1 'ip ospf cost 5'
  run on 1 "$NET_ROUTED" routing --dry-run
  equal "$status" 2
  shows 'the configuration has no section routing'
  lab daemon 1 stop
  run on 1 "$NET_ROUTED" routing --dry-run --config /tmp/new.yaml
  equal "$status" 3
  shows 'no daemon answers: compared without the subnets'
  run on 1 "$NET_ROUTED" routing
  equal "$status" 1
  lab daemon 1 start
  lab router 1 stop
  configure 1 <<<'routing: { ospf: { area: 0, interfaces: [eth0] } }'
  run on 1 "$NET_ROUTED" routing --diff
  equal "$status" 1
  shows 'ospfd does not run: (nobody listens on|there is no) /run/frr/ospfd.vty'
}

@test "routing.md: FRR takes every line of every example; the commands do what it says" {
  local name names
  names=$(grep -oP '^<!-- example: \K\w+' "$DOCUMENT")
  equal "$(wc -w <<<"$names")" "$(grep -c '^```yaml' "$DOCUMENT")"
  for name in $names; do
    example "$name" <"$DOCUMENT" | configure 1
    configured 1
  done
  example ospf <"$DOCUMENT" | configure 1
  diff <(example ospf <"$DOCUMENT") <(example routing <"$(dirname "$BATS_DIR")/README.md")
  configured 1
  local command
  while read -r command; do
    succeeds on 1 sh -c "PATH=$(dirname "$NET_ROUTED"):\$PATH; $command"
  done < <(grep -oP '^    \Knet-routed routing.*' "$DOCUMENT")
  wait "$!"
}

@test "the capabilities of the service are enough with the group of the sockets, and without it the reason is said" {
  ospf | on 1 sh -c 'cat >/tmp/new.yaml'
  local group
  group=$(on 1 stat --format %g /run/frr/ospfd.vty)
  lab daemon 1 stop
  run on 1 setpriv --bounding-set=-all,+net_admin --groups "$group" "$NET_ROUTED" routing --dry-run --config /tmp/new.yaml
  lab daemon 1 start
  equal "$status" 3
  shows '^\+ redistribute kernel route-map net-routed|^\+  redistribute'
  lab daemon 1 stop
  run on 1 setpriv --bounding-set=-all,+net_admin --clear-groups "$NET_ROUTED" routing --dry-run --config /tmp/new.yaml
  lab daemon 1 start
  equal "$status" 1
  shows '/run/frr/ospfd.vty may not be opened: net-routed needs the group of that socket'
}

# Kernel events come faster than zebra reads them, so that it loses some, as it does when thousands of routes change at once.
lose_events() { # CMD...
  on 1 sh -c 'kill -STOP $(cat /run/frr/zebra.pid)
    for i in $(seq 0 19); do for j in $(seq 1 200); do echo "route add 10.77.$i.$j dev eth0"; done; done >/tmp/flood
    ip -batch /tmp/flood'
  "$@"
  on 1 sh -c 'kill -CONT $(cat /run/frr/zebra.pid); sed s/add/del/ /tmp/flood | ip -batch -'
}
replace_containers() {
  docker_on 1 rm --force old >/dev/null
  create_container 1 new mine --ip 10.1.0.2
  # zebra is asked first whether others have the address, and does not answer.
  wait_until 20 announced_on 1 10.1.0.2
}
announced_on() { [ -n "$(on "$1" ip route show type blackhole "$2")" ]; }
verifies() { on "$1" "$NET_ROUTED" verify; }

@test "verify finds what zebra has lost, tells it again, and finds nothing then" {
  lab router 1 stop
  on 1 sh -c 'for daemon in "zebra -s 65536" ospfd; do /usr/lib/frr/$daemon -d; done' 2>/dev/null
  pair 'area: 0'
  create_container 1 old mine --ip 10.1.0.1
  create_container 2 other mine --ip 10.1.0.9
  wait_until 30 pings 2 other 10.1.0.1
  wait_until 10 verifies 1
  shows '^1 addresses, 0 findings, 0 routes told again, 1 of 1 neighbours up$'
  lose_events replace_containers
  run verifies 1
  equal "$status" 3
  shows '^missing: 10\.1\.0\.2: not in zebra, ospfd$'
  wait_until 20 verifies 1
  wait_until 10 pings 2 other 10.1.0.2
  wait_until 20 not via 2 10.1.0.1
  # Neighbours take some seconds to acknowledge.
  wait_until 20 verifies 1
  succeeds on 1 "$NET_ROUTED" verify --json
  equal "$(jq --compact-output '[.addresses[] | [.address, .kernel, .zebra, .announced.ospfd]]' <<<"$output")" '[["10.1.0.2",true,true,true]]'
  equal "$(jq --compact-output '[.neighbours[] | [.protocol, .isUp, .acknowledged]]' <<<"$output")" '[["ospfd",true,true]]'
}

@test "verify names what others have done: routes, filters, a link that is down, a daemon that hangs" {
  pair 'area: 0'
  create_container 1 c1 mine --ip 10.1.0.1
  create_container 2 c2 mine --ip 10.1.0.9
  wait_until 30 via 2 10.1.0.1
  wait_until 20 verifies 1
  shows '^1 addresses, 0 findings'
  on 1 sh -c 'ip route add 10.1.0.1 dev lo; ip route add blackhole 10.1.0.77; ip route add unreachable 10.1.0.78; ip route add 10.1.0.99 dev lo'
  wait_until 10 has_line 1 'net-routed-hidden'
  wait_until 10 finds "^foreign: 10\.1\.0\.1: .* in place of the container's own; to remove it: ip route del 10\.1\.0\.1 dev lo metric 0$"
  wait_until 10 finds '^foreign: 10\.1\.0\.77: .* is announced by ospfd, and no container has the address; to remove it: ip route del 10\.1\.0\.77 metric 0$'
  # Its container is here: it is announced all the same, and what no container has is not.
  wait_until 20 via 2 10.1.0.1
  fails via 2 10.1.0.99
  run verifies 1
  shows '^kept in: 10\.1\.0\.99: '
  # As it says.
  run verifies 1
  sed -n '/^foreign:/s/.*to remove it: //p' <<<"$output" >"$BATS_TEST_TMPDIR/remove"
  equal "$(wc -l <"$BATS_TEST_TMPDIR/remove")" 3
  on 1 sh -e <"$BATS_TEST_TMPDIR/remove"
  wait_until 20 verifies 1
  on 1 ip route del 10.1.0.99
  wait_until 40 not has_line 1 'net-routed-hidden'
  via 2 10.1.0.1
  on 1 vtysh -c 'configure terminal' -c 'access-list nothing deny any' -c 'router ospf' -c 'distribute-list nothing out kernel'
  wait_until 10 finds '^missing: 10\.1\.0\.1: not in ospfd; zebra has it, so look for what holds it back there$'
  on 1 vtysh -c 'configure terminal' -c 'router ospf' -c 'no distribute-list nothing out kernel' -c exit -c 'no access-list nothing'
  wait_until 20 verifies 1
  on 1 ip link set to2 down
  wait_until 20 finds '^neighbour: none: ospfd has no neighbour, so nobody is told of anything$'
  on 1 ip link set to2 up
  wait_until 30 verifies 1
  on 1 sh -c 'kill -STOP "$(cat /run/frr/zebra.pid)"'
  run verifies 1
  on 1 sh -c 'kill -CONT "$(cat /run/frr/zebra.pid)"'
  equal "$status" 3
  shows '^not asked: zebra: zebra runs, and has not answered for 3 s$'
}
# finds REGEX - verify ends with 3 and says so.
finds() {
  run verifies 1
  equal "$status" 3 && shows "$1"
}

@test "zebra is restarted alone: what comes afterwards is announced, and what others announce is reached, all the same" {
  pair 'area: 0'
  create_container 1 c1 mine --ip 10.1.0.1
  create_container 2 c2 mine --ip 10.1.0.9
  wait_until 30 via 2 10.1.0.1
  on 1 sh -c 'pid=$(cat /run/frr/zebra.pid) && kill -KILL "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done'
  on 1 /usr/lib/frr/zebra -d 2>/dev/null
  create_container 1 later mine --ip 10.1.0.2
  local before
  before=$(router_lsa)
  # ospfd calls zebra every ten seconds; we look every thirty.
  wait_until 60 via 2 10.1.0.2
  wait_until 10 grep -q '"daemon":"ospfd".*"message":"routing daemon has lost zebra, asks for routes again"' "$LAB/h1/daemon.log"
  wait_until 20 via 1 10.1.0.9
  wait_until 20 verifies 1
  succeeds on 2 ip route get 10.1.0.2
  shows 'via 203\.0\.113\.1 '
  # Neighbours have noticed nothing of it, and nothing of it stays.
  equal "$(router_lsa)" "$before"
  has_line 1 '^ distance' && return 1
  neighbours_are 2 1
}
# How often host 1 has said who its neighbours are.
router_lsa() { on 2 vtysh -c 'show ip ospf database router adv-router 192.0.2.1' | awk '/LS Seq Number/ { print $4 }'; }
