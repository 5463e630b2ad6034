#!/usr/bin/env bats
# A stock Docker host forwards nothing. The daemon makes it forward for our containers, and for nothing else.

load helpers

setup_file() { lab_up 2; }
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  clean
  if [ -n "${ENGINE_CHANGED:-}" ]; then lab dockerd 1 restart; fi
}

two_hosts() {
  create_network 1 mine 10.1.0.0/16
  create_network 2 mine 10.1.0.0/16
  create_container 1 one mine --ip 10.1.0.1
  create_container 2 two mine --ip 10.1.0.2
  wait_until 5 has_route 1 10.1.0.2
  wait_until 5 has_route 2 10.1.0.1
}

reach_each_other() { pings 1 one 10.1.0.2 && pings 2 two 10.1.0.1; }

# What the whole firewall and network configuration of a host is, without counters and generation numbers.
settings() {
  on "$1" sh -c '
    iptables-save; ip6tables-save; nft list ruleset
    for file in $(find /proc/sys/net/ipv4 /proc/sys/net/ipv6 -type f | sort); do echo "$file $(cat "$file" 2>/dev/null)"; done
    ip -o addr show; ip rule show; ip route show table all; bridge fdb show' 2>/dev/null |
    sed -E '/^#/d; s/\[[0-9]+:[0-9]+\]//; s/packets [0-9]+ bytes [0-9]+//; /stat_|valid_lft|expires|random|neigh.*gc_stale/!b; s/(valid_lft|expires) [^ ]*//g'
}

@test "the host is a stock one: dockerd has set the policy to DROP" {
  succeeds on 1 iptables -S FORWARD
  shows '^-P FORWARD DROP'
}

@test "containers of two hosts reach each other though the policy is DROP" {
  two_hosts
  reach_each_other
  succeeds on 1 iptables -S
  shows '^-P FORWARD DROP'
  shows '^-A DOCKER-USER .*-j NET-ROUTED'
}

# reverse_path_filter MODE - of the interfaces that are there and those to come; the largest value counts.
reverse_path_filter() {
  on 1 sh -c 'cd /proc/sys/net/ipv4/conf; for name in default eth0; do echo "$1" >$name/rp_filter; done' - "$1"
}

@test "they do with the strict reverse path filter" {
  reverse_path_filter 1
  two_hosts
  run reach_each_other
  reverse_path_filter 2
  equal "$status" 0
}

@test "forwarding is opened for our containers only" {
  two_hosts
  on 1 sh -c 'ip netns add other; ip link add oth0 type veth peer name eth0 netns other; ip link set oth0 up
    ip addr add 10.200.0.1/24 dev oth0; ip -n other addr add 10.200.0.2/24 dev eth0; ip -n other link set eth0 up
    ip -n other route add default via 10.200.0.1'
  on 2 ip route add 10.200.0.0/24 via 192.0.2.1
  on 1 ip netns exec other ping -c 1 -W 1 10.200.0.1
  run on 1 ip netns exec other ping -c 1 -W 1 192.0.2.2
  on 1 ip netns delete other
  on 2 ip route del 10.200.0.0/24
  differ "$status" 0
}

@test "with iptables disabled in Docker and forwarding off, the daemon turns forwarding on" {
  ENGINE_CHANGED=1
  lab kill 1
  DOCKERD_ARGS='--iptables=false --ip-forward=false' reboot_with_options
  equal "$(on 1 cat /proc/sys/net/ipv4/ip_forward)" 0
  two_hosts
  reach_each_other
}

# The engine's flags of a boot are those of `up`: the new ones come with a restart, in a host as if newly booted.
reboot_with_options() {
  lab boot 1
  lab dockerd 1 stop
  on 1 sh -c 'iptables-save | grep -o "^\*[a-z]*" | tr -d "*" | while read -r table; do
      iptables -t "$table" -F; iptables -t "$table" -X; done
    iptables -P FORWARD ACCEPT; echo 0 >/proc/sys/net/ipv4/ip_forward'
  # shellcheck disable=SC2086 # words
  lab dockerd 1 start $DOCKERD_ARGS
}

@test "rules that somebody flushes are repaired" {
  two_hosts
  local flush
  for flush in 'iptables -F NET-ROUTED' 'iptables -F DOCKER-USER' 'iptables -F FORWARD' \
    'iptables -F' 'nft flush ruleset'; do
    echo "$flush"
    # shellcheck disable=SC2086 # words
    on 1 $flush
    on 1 iptables -P FORWARD DROP
    wait_until 10 reach_each_other
  done
  lab dockerd 1 restart
}

@test "a firewall reloaded from a file that knows nothing of us is repaired" {
  on 1 iptables-save >"$BATS_TEST_TMPDIR/rules"
  two_hosts
  on 1 iptables-restore <"$BATS_TEST_TMPDIR/rules"
  wait_until 10 reach_each_other
}

@test "forwarding that somebody turns off is turned on again" {
  two_hosts
  on 1 sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
  wait_until 65 reach_each_other
}

@test "with the last network everything is taken back, and nothing foreign was changed" {
  on 1 sh -c 'iptables -I DOCKER-USER -s 198.51.100.7 -j DROP; iptables -A FORWARD -d 198.51.100.8 -j REJECT
    nft add table inet mine; nft add chain inet mine filter "{ type filter hook forward priority 5; }"
    nft add rule inet mine filter ip saddr 198.51.100.9 drop'
  settings 1 >"$BATS_TEST_TMPDIR/before"
  two_hosts
  settings 1 >"$BATS_TEST_TMPDIR/during"
  not cmp -s "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/during"
  # Ours is added; nothing else is missing or different.
  run diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/during"
  hides '^< .*(198\.51\.100|-A DOCKER-|nft|table inet mine)'
  clean
  wait_until 5 not has_route 1 10.1.0.2
  settings 1 >"$BATS_TEST_TMPDIR/after"
  succeeds diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "an operator's own rule before ours still counts" {
  two_hosts
  on 1 iptables -I DOCKER-USER -s 10.1.0.2 -j DROP
  run pings 2 two 10.1.0.1
  on 1 iptables -D DOCKER-USER -s 10.1.0.2 -j DROP
  differ "$status" 0
  reach_each_other
}
