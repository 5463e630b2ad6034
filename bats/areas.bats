#!/usr/bin/env bats
# Hosts 1 and 4 are in an area of their own, host 2 in the backbone, and between them is BIRD (host 3), for both families.

load helpers
load probe

DOCUMENT=$(dirname "$BATS_DIR")/docs/routing.md

setup_file() {
  FRR='zebra ospfd ospf6d' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf BIRD=3 ROUTERS=3 \
    CABLES='1:eth1=3:eth1 4:eth1=3:eth2 2:eth1=3:eth3' lab_up 4
  on 3 sh -c 'cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding'
  local host
  for host in 1 2 4; do create_network $host mine 10.1.0.0/16 --ipv6 --subnet fd00:1::/64; done
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  local host
  for host in 1 2 4; do on $host sh -c 'docker ps -aq | xargs -r docker rm -f' >/dev/null; done
}

# bird [EDIT] - the border router of routing.md, with its interfaces' options changed by sed.
bird() {
  awk '$0 == "<!-- router: bird-border -->" { wanted = 1 } wanted && /^```/ { if (inside) exit; inside = 1; next } inside' "$DOCUMENT" |
    sed "s/type ptp;/type ptp; hello 1; dead 4;/; ${1:-}" |
    on 3 sh -c 'cat >/etc/bird/bird.conf; birdc -s /run/bird/bird.ctl down >/dev/null; sleep 1; bird -c /etc/bird/bird.conf -s /run/bird/bird.ctl' >/dev/null
}
# hosts_have AREA OPTIONS [OPTIONS3] - hosts 1 and 4, for OSPF and for OSPFv3; host 2 is in the backbone.
hosts_have() {
  local options='interfaces: [eth1], network: point-to-point, hello: 1, dead: 4' host
  for host in 1 4; do configure $host "{ grace: 0, ospf: { area: $1, $options$2 }, ospf3: { area: $1, $options${3-$2} } }"; done
  configure 2 "{ grace: 0, ospf: { area: 0, $options }, ospf3: { area: 0, $options } }"
}
start_three() {
  local host
  for host in 1 2 4; do create_container $host c$host mine --ip 10.1.0.$host --ip6 fd00:1::$host; done
}
# reach K L - containers of both hosts, both families.
reach() { wait_until 60 pings "$1" "c$1" "10.1.0.$2" && wait_until 60 pings "$1" "c$1" "fd00:1::$2"; }
verifies() { on "$1" "$NET_ROUTED" verify; }
neighbours_are() { equal "$(on "$1" vtysh -c 'show ip ospf neighbor' -c 'show ipv6 ospf6 neighbor' | grep -c Full/)" "$2"; }
has() { on "$1" sh -c "ip route show $2; ip -6 route show $2" 2>/dev/null | grep -q via; }

@test "a not-so-stubby area behind BIRD: all reach each other, and verify and map know what is in the area" {
  bird
  hosts_have 5 ', area-type: nssa'
  start_three
  reach 1 4
  reach 1 2
  reach 2 4
  local host
  for host in 1 4; do
    wait_until 20 verifies $host
    shows '^2 addresses, 0 findings, 0 routes told again, 2 of 2 neighbours up$'
  done
  succeeds on 1 "$NET_ROUTED" map --json
  equal "$(jq --compact-output '[.routers[] | select(.addresses != []) | [.id, .addresses[]]]' <<<"$output")" \
    '[["203.0.113.5","10.1.0.1","fd00:1::1"],["203.0.113.9","10.1.0.4","fd00:1::4"]]'
  # From the backbone the border router has them.
  succeeds on 2 "$NET_ROUTED" map --json
  equal "$(jq --compact-output '[.routers[] | select(.id == "192.0.2.3") | .addresses[]]' <<<"$output")" \
    '["10.1.0.1","10.1.0.4","fd00:1::1","fd00:1::4"]'
  # Removed, drained, and there again.
  docker_on 4 rm --force c4 >/dev/null
  wait_until 20 not has 1 10.1.0.4
  wait_until 20 not has 2 fd00:1::4
  succeeds on 1 "$NET_ROUTED" drain --all
  wait_until 20 not has 4 10.1.0.1
  succeeds on 1 "$NET_ROUTED" undrain --all
  wait_until 20 has 4 10.1.0.1
}

@test "a not-so-stubby area: an address of another host is refused, and of two one stays" {
  bird
  hosts_have 5 ', area-type: nssa'
  create_container 1 one mine --ip 10.1.0.7 --ip6 fd00:1::7
  wait_until 60 has 4 10.1.0.7
  fails create_container 4 two mine --ip 10.1.0.7 --ip6 fd00:1::7
  shows 'address 10.1.0.7 is on another host already: 203.0.113.5 announces it'
  docker_on 4 rm --force two >/dev/null
  on 3 birdc -s /run/bird/bird.ctl down >/dev/null
  wait_until 30 neighbours_are 4 0
  wait_until 30 not has 4 10.1.0.7
  create_container 4 two mine --ip 10.1.0.7 --ip6 fd00:1::7
  on 3 bird -c /etc/bird/bird.conf -s /run/bird/bird.ctl
  wait_until 60 one_stays
}
# Of both families, on the same host or not.
one_stays() {
  local states
  states=$(for host in 1 4; do on $host ip route show 10.1.0.7 type blackhole; done | wc -l)
  equal "$states $(for host in 1 4; do on $host ip -6 route show fd00:1::7 type blackhole; done | wc -l)" '1 1' &&
    has 2 10.1.0.7 && has 2 fd00:1::7
}

@test "a totally not-so-stubby area: without the summaries of others" {
  bird 's/summary yes; default nssa yes;/summary no;/'
  hosts_have 5 ', area-type: nssa'
  start_three
  reach 1 4
  reach 1 2
  equal "$(on 1 ip route show 203.0.113.12/30)" ''
}

@test "OSPFv2 authentication with BIRD: MD5 and text" {
  local kind
  for kind in 'authentication cryptographic; password "s3cr3t" { id 1; algorithm keyed md5; }' 'authentication simple; password "s3cr3t"'; do
    bird "/ospf v2/,/^}/s/ type ptp;/ type ptp; $kind;/"
    if [[ $kind = *md5* ]]; then hosts_have 5 ', area-type: nssa, authentication: { key: s3cr3t }' ', area-type: nssa'
    else hosts_have 5 ', area-type: nssa, authentication: { type: text, key: s3cr3t }' ', area-type: nssa'; fi
    # Host 2 has none.
    for host in 1 4; do wait_until 60 neighbours_are $host 2; done
    wait_until 20 neighbours_are 2 1
    create_container 1 c1 mine --ip 10.1.0.1
    create_container 4 c4 mine --ip 10.1.0.4
    wait_until 60 pings 1 c1 10.1.0.4
    for host in 1 4; do docker_on $host rm --force c$host >/dev/null; done
  done
}

@test "broadcast networks, with the election of a designated router" {
  bird 's/type ptp;/type broadcast; wait 4;/'
  local options='area: 5, area-type: nssa, interfaces: [eth1], hello: 1, dead: 4' host
  for host in 1 4; do configure $host "{ ospf: { $options }, ospf3: { $options } }"; done
  configure 2 "{ ospf: { ${options/5, area-type: nssa/0} }, ospf3: { ${options/5, area-type: nssa/0} } }"
  start_three
  reach 1 4
  reach 2 1
  wait_until 20 verifies 1
  succeeds on 1 "$NET_ROUTED" map
  shows '^203\.0\.113\.5, this host: to segment of 203\.0\.113\.[56] \(10\)$'
}

@test "a stub area: nothing of ours gets out, and verify says so" {
  bird 's/nssa; summary yes; default nssa yes;/stub; summary yes;/'
  hosts_have 5 ''
  on 1 vtysh -c 'conf t' -c 'router ospf' -c 'area 5 stub' -c exit -c 'router ospf6' -c 'area 5 stub'
  wait_until 30 neighbours_are 1 2
  create_container 1 c1 mine --ip 10.1.0.1 --ip6 fd00:1::1
  wait_until 20 verify_misses
  not has 2 10.1.0.1
  on 1 vtysh -c 'conf t' -c 'router ospf' -c 'no area 5 stub' -c exit -c 'router ospf6' -c 'no area 5 stub'
}
verify_misses() {
  run on 1 "$NET_ROUTED" verify
  grep -q '^missing: 10\.1\.0\.1: not in ospfd' <<<"$output" && grep -q '^missing: fd00:1::1: not in ospf6d' <<<"$output"
}
