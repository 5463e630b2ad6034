#!/usr/bin/env bats
# Hosts share a pool without a store: each gives addresses out of blocks that it claims through the routing protocol.
#   CONTAINERS=N   on each of two hosts (default 50)

load helpers
load probe

CONTAINERS=${CONTAINERS:-50}

setup_file() {
  FRR='zebra ospfd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf lab_up 3
  local host
  for host in 1 2 3; do configure $host "$(example blocks "$BATS_DIR/../docs/routing.md" | sed 1d)"; done
  for host in 1 2 3; do wait_until 90 sees_all $host; done
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  local host
  for host in 1 2 3; do connect $host; done
  clean
}

sees_all() { equal "$(on "$1" vtysh -c 'show ip ospf neighbor' | grep -c Full/)" 2; }
is_alone() { equal "$(on "$1" vtysh -c 'show ip ospf neighbor' | grep -c Full/)" 0; }
cut() { lab net switch ip link set "h$1" down && wait_until 60 is_alone "$1"; }
connect() { lab net switch ip link set "h$1" up; }
# blocks_of K - those that it gives addresses out of.
blocks_of() { on "$1" "$NET_ROUTED" status --json | jq -r '.blocks[] | select(.state == "own").prefix' | sort; }
has_blocks() { equal "$(blocks_of "$1" | wc -l)" "$2"; }
# routes_to K PREFIX - what host K has heard from others within it.
routes_to() { on "$1" ip -j route show root "$2" | jq -r '.[] | select(.protocol == "ospf").dst' | sort; }

@test "with two hosts and $CONTAINERS containers on each, a third host has a route for each block, none for a container" {
  create_network 1 mine 10.1.0.0/16
  create_network 2 mine 10.1.0.0/16
  wait_until 10 has_blocks 1 1
  wait_until 10 has_blocks 2 1
  local host number pids=()
  for host in 1 2; do
    for number in $(seq "$CONTAINERS"); do create_container $host "c$number" mine; done &
    pids+=($!)
  done
  for host in 0 1; do wait "${pids[host]}"; done
  equal "$(addresses_by_docker 1 | cat - <(addresses_by_docker 2) | sort -u | wc -l)" $((2 * CONTAINERS))
  wait_until 10 announced_as_blocks
  tell "$((2 * CONTAINERS)) containers, $(routes_to 3 10.1.0.0/16 | wc -l) routes on the third host: $(routes_to 3 10.1.0.0/16 | xargs)"
  create_network 3 mine 10.1.0.0/16
  create_container 3 watch mine
  for host in 1 2; do
    for number in 1 "$CONTAINERS"; do pings 3 watch "$(address_of $host "c$number")"; done
  done
  for host in 1 2 3; do
    succeeds on $host "$NET_ROUTED" verify
    shows '0 findings'
  done
  tell "an address took $(on 1 curl -s --unix-socket /run/docker/plugins/net-routed.sock http://x/metrics | median_of IpamDriver.RequestAddress) s or less in the median"
  blocks_of 1 >"$BATS_TEST_TMPDIR/before"
  lab daemon 1 restart --config /etc/net-routed.yaml
  equal "$(blocks_of 1)" "$(cat "$BATS_TEST_TMPDIR/before")"
  succeeds on 3 "$NET_ROUTED" map
  shows "^  $(head -1 "$BATS_TEST_TMPDIR/before")"
}
announced_as_blocks() {
  local routes
  routes=$(routes_to 3 10.1.0.0/16)
  [ "$(wc -l <<<"$routes")" -ge 2 ] && equal "$routes" "$(cat <(blocks_of 1) <(blocks_of 2) | sort)"
}
# The upper bound of the bucket that has the median.
median_of() {
  grep "request_seconds_bucket{method=\"$1\",result=\"ok\"" | sed 's/.*le="\([^"]*\)"} /\1 /' |
    awk '{ bound[NR] = $1; count[NR] = $2 } END { for (i = 1; i <= NR; i++) if (count[i] >= count[NR] / 2) { print bound[i]; exit } }'
}

@test "an address that is named is announced by itself, unless it is in an own block; in that of another host it is refused" {
  create_network 1 mine 10.1.0.0/17 --ip-range 10.1.64.0/18
  create_network 2 mine 10.1.0.0/17 --ip-range 10.1.64.0/18
  wait_until 10 has_blocks 1 1
  wait_until 10 has_blocks 2 1
  local own other
  own=$(blocks_of 1 | sed 's,\.[0-9]*/.*,,').$(($(blocks_of 1 | sed 's,/.*,,; s/.*\.//') + 9))
  other=$(blocks_of 2 | sed 's,\.[0-9]*/.*,,').$(($(blocks_of 2 | sed 's,/.*,,; s/.*\.//') + 9))
  create_container 1 outside mine --ip 10.1.0.7
  create_container 1 inside mine --ip "$own"
  wait_until 10 has_route 3 10.1.0.7
  equal "$(on 3 ip route show "$own")" ''
  on 3 ping -c 1 -W 2 "$own" >/dev/null
  wait_until 10 has_route 1 "$(blocks_of 2)"
  fails create_container 1 strange mine --ip "$other"
  shows "address $other is in $(blocks_of 2), a block out of which 192.0.2.2 gives addresses"
  create_container 2 there mine --ip "$other"
  create_network 3 mine 10.1.0.0/17 --ip-range 10.1.64.0/18
  create_container 3 watch mine
  wait_until 10 pings 3 watch "$other"
  probe_start 3 watch "$other"
  docker_on 1 run --detach --name moved --network "name=mine,ip=$other,driver-opt=net-routed.duplicates=warn" busybox sleep 100000 >/dev/null
  wait_until 10 has_route 3 "$other"
  on 2 "$NET_ROUTED" drain --endpoint "$other" >/dev/null
  docker_on 2 rm --force there >/dev/null
  on 3 ping -c 1 -W 2 "$other" >/dev/null
  probe_end 3 'a move out of a block'
}

@test "another size of blocks: what is in the old ones is still reached, new ones do not overlap" {
  create_network 1 mine 10.5.0.0/24
  create_container 1 old mine
  local before section
  before=$(blocks_of 1)
  wait_until 10 equal_routes "$before"
  section=$(example blocks "$BATS_DIR/../docs/routing.md" | sed 1d)
  configure 1 "${section/size: 26/size: 30}"
  wait_until 30 sees_all 1
  succeeds on 1 "$NET_ROUTED" routing
  shows 'permit 10\.5\.0\.0/24 ge 26 le 26'
  equal "$(blocks_of 1)" "$before"
  wait_until 10 equal_routes "$before"
  on 3 ping -c 1 -W 2 "$(address_of 1 old)" >/dev/null
  wait_until 20 on 1 "$NET_ROUTED" verify
  configure 1 "$section"
  wait_until 30 sees_all 1
}
equal_routes() { equal "$(routes_to 3 10.5.0.0/24)" "$1"; }

@test "a block that two hosts claimed while they could not see each other stays with one, and no address is on both" {
  # Two blocks: one of them is taken already.
  create_network 3 small 10.3.0.0/25
  wait_until 10 has_blocks 3 1
  wait_until 10 has_route 1 "$(blocks_of 3)"
  wait_until 10 has_route 2 "$(blocks_of 3)"
  cut 2
  create_network 1 small 10.3.0.0/25
  create_network 2 small 10.3.0.0/25
  create_container 1 one small
  create_container 2 two small
  local address
  address=$(address_of 1 one)
  equal "$(address_of 2 two)" "$address"
  equal "$(blocks_of 1)" "$(blocks_of 2)"
  connect 2
  wait_until 60 sees_all 2
  wait_until 30 settled
  wait_until 10 on 3 ping -c 1 -W 1 "$address"
  equal "$(on 3 ip route show "$address" | grep -c via)" 1
  local loser=1
  [ -n "$(blocks_of 2)" ] || loser=2
  fails docker_on $loser run --rm --net small busybox true
  shows 'no block of 10.3.0.0/25 is left for this host'
}
# One of them has the block, and one of them has given the address up.
settled() {
  equal "$(cat <(blocks_of 1) <(blocks_of 2) | wc -l)" 1 &&
    equal "$(for host in 1 2; do on $host "$NET_ROUTED" status; done | grep -c '^yielded')" 1 &&
    equal "$(on 3 ip -j route show root 10.3.0.0/25 | jq '[.[] | select(.dst | contains("/") | not)] | length')" 1
}
