#!/usr/bin/env bats
# Somebody else changes what the containers' traffic depends on. It is repaired at once where the kernel tells, within 30 s
# where it does not, logged once, and nothing else is touched.

load helpers
load probe

EVENT=1
SWEEP=35

setup_file() {
  export FRR='' DOCKERD_ARGS=--live-restore
  lab_up 1
  create_network 1 mine 10.1.0.0/16
  create_container 1 one mine --ip 10.1.0.1
  create_container 1 two mine --ip 10.1.0.2
  on 1 sh -c 'ip link add foreign type veth peer name nr-foreign; ip link set foreign up; ip link set nr-foreign up
    ip route add 10.1.77.7 dev nr-foreign; ip route add blackhole 10.78.0.0/16 proto 200
    ip neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev eth0
    iptables -I DOCKER-USER -s 198.51.100.7 -j DROP; iptables -A FORWARD -d 198.51.100.8 -j REJECT
    nft add table inet foreign; nft add chain inet foreign filter "{ type filter hook forward priority 5; }"
    nft add rule inet foreign filter ip saddr 198.51.100.9 drop'
}

setup() {
  local host_end
  host_end=$(on 1 ip route show 10.1.0.1 | grep -oE 'nr-[0-9a-f]{12}')
  export LINK=$host_end
  mark_log 1
  plumbing 1 >"$BATS_TEST_TMPDIR/plumbing"
  on 1 iptables-save >"$BATS_TEST_TMPDIR/rules"
  foreign_things >"$BATS_TEST_TMPDIR/foreign"
}

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  [ -n "${BATS_TEST_COMPLETED:-}" ] || put_back
  on 1 sh -c '[ ! -e /run/probe ] || kill "$(cat /run/probe)"; rm -f /run/probe'
}

# So that the next test begins like the first one.
put_back() {
  on 1 ip route del 10.1.0.1 dev eth0 || :
  on 1 iptables-restore <"$BATS_TEST_TMPDIR/rules"
  docker_on 1 start one two
  lab daemon 1 restart
}

# What we must not touch, without counters and times.
foreign_things() {
  on 1 sh -c 'iptables-save | grep -v "^#" | grep -vi net-routed | sed "s/\[.*\]//"; nft list table inet foreign
    ip -o link show | grep -E "foreign|eth0|docker0" | cut -d: -f1-2; ip -4 route show table all | grep -v "nr-[0-9a-f]"
    ip neigh show nud permanent | grep -v "nr-[0-9a-f]"; ip rule show'
}

# repaired SECONDS CHANGE CHECK - does CHANGE in the host, and prints the milliseconds until CHECK succeeds there.
repaired() {
  local ms
  ms=$(on 1 bash -c '
    begin=${EPOCHREALTIME/./}
    eval "$2"
    until eval "$3"; do
      [ $((${EPOCHREALTIME/./} - begin)) -lt $(($1 * 1000000)) ] || exit 1
      sleep 0.01
    done >/dev/null 2>&1
    echo $(((${EPOCHREALTIME/./} - begin) / 1000))' - "$@") || { report "not repaired within $1 s: $2"; return 1; }
  tell "repaired after $ms ms: ${2//$LINK/LINK}"
}

# only_logged OP... - these were repaired since `setup`, each once, and nothing else.
only_logged() {
  local wanted
  wanted=$(printf '%s\n' "$@" | sort)
  wait_until 2 eval '[ "$(repairs | wc -l)" -ge '$#' ]'
  equal "$(repairs)" "$wanted"
  on 1 "$NET_ROUTED" status
}
repairs() { log_since_mark 1 | jq --raw-output 'select(.message == "repair") | .op' | sed "s/$LINK/LINK/" | sort; }

# as_before - and containers talk.
as_before() {
  diff "$BATS_TEST_TMPDIR/plumbing" <(plumbing 1)
  diff "$BATS_TEST_TMPDIR/foreign" <(foreign_things)
  pings 1 one 10.1.0.2 && pings 1 two 192.0.2.1
}

ROUTE='add route 10.1.0.1/32 dev LINK metric 0'
NEIGHBOUR='add neighbour 10.1.0.1 lladdr 02:42:0a:01:00:01 dev LINK'
ADDRESS='add address 169.254.1.1/32 dev LINK'

@test "a deleted route" {
  repaired $EVENT 'ip route del 10.1.0.1' 'ip route show 10.1.0.1 | grep nr-'
  only_logged "$ROUTE"
  as_before
}

@test "a deleted neighbour" {
  repaired $EVENT "ip neigh del 10.1.0.1 dev $LINK" "ip neigh show dev $LINK nud permanent | grep 10.1.0.1"
  only_logged "$NEIGHBOUR"
  as_before
}

@test "a neighbour with another MAC address" {
  repaired $EVENT "ip neigh replace 10.1.0.1 lladdr 02:00:00:00:00:99 dev $LINK nud permanent" \
    "ip neigh show dev $LINK nud permanent | grep 02:42:0a:01:00:01"
  only_logged "${NEIGHBOUR/add/replace}"
  as_before
}

@test "a deleted address, the last one of its link, with which the kernel deletes routes and neighbours" {
  repaired $EVENT "ip addr del 169.254.1.1/32 dev $LINK" "ip addr show dev $LINK | grep 169.254.1.1/32"
  only_logged "$ADDRESS" "$NEIGHBOUR" "$ROUTE"
  as_before
}

@test "a link that is set down, which takes its routes and neighbours with it" {
  repaired $EVENT "ip link set $LINK down" "ip route show 10.1.0.1 | grep nr- && ip neigh show dev $LINK nud permanent | grep 10.1.0.1"
  only_logged 'replace link LINK' "$ROUTE" "$NEIGHBOUR"
  as_before
}

@test "a foreign route in the place of ours is named, left alone, and ours comes back when it goes" {
  on 1 ip route replace 10.1.0.1 dev eth0
  wait_until $EVENT status_shows '^fault: route 10\.1\.0\.1/32 .*dev eth0'
  status_shows '^faulty +10\.1\.0\.1/32'
  on 1 ip route show 10.1.0.1 | grep -q 'dev eth0'
  # Whatever happens elsewhere meanwhile, it is said once.
  repaired $EVENT 'ip route del 10.1.0.2' 'ip route show 10.1.0.2 | grep nr-'
  repaired $EVENT 'ip route del 10.1.0.2' 'ip route show 10.1.0.2 | grep nr-'
  equal "$(count_logged 1 '"message":"fault"')" 1
  equal "$(repairs | grep -cF "$ROUTE")" 1
  repaired $EVENT 'ip route del 10.1.0.1 dev eth0' 'ip route show 10.1.0.1 | grep nr-'
  as_before
}
status_shows() { on 1 "$NET_ROUTED" status | grep -E -- "$1"; }

OURS='iptables -C NET-ROUTED -i nr-+ -m comment --comment net-routed -j ACCEPT && iptables -S | grep -- "-j NET-ROUTED"'
RULES='replace forwarding rules in iptables'

# firewall_changed CHANGE - while packets run: how many are dropped is told.
firewall_changed() {
  probe_start 1 one 10.1.0.2
  repaired $EVENT "$1; iptables -P FORWARD DROP" "$OURS"
  pings 1 one 10.1.0.2
  probe_end 1 'meanwhile' || :
  on 1 "$NET_ROUTED" status
}
# ours_only - there is no rule besides our own.
ours_only() { equal "$(on 1 iptables-save --table filter | grep '^-A' | grep -vc net-routed)" 0; }
restore() { on 1 iptables-restore <"$BATS_TEST_TMPDIR/rules"; }

@test "our chain flushed" {
  firewall_changed 'iptables -F NET-ROUTED'
  only_logged "$RULES"
  as_before
}

@test "our jump deleted" {
  firewall_changed 'iptables -D DOCKER-USER -m comment --comment net-routed -j NET-ROUTED'
  only_logged "$RULES"
  as_before
}

@test "all of iptables flushed" {
  firewall_changed 'iptables -F'
  only_logged "$RULES"
  ours_only
  restore
  as_before
}

@test "the ruleset flushed, with what is not of iptables" {
  on 1 sh -c 'nft list table inet foreign >/run/foreign'
  firewall_changed 'nft flush ruleset'
  wait_until 2 on 1 nft list table arp net-routed
  ours_only
  on 1 nft -f /run/foreign
  restore
  as_before
}

@test "a ruleset of former times restored" {
  grep -vi net-routed "$BATS_TEST_TMPDIR/rules" >"$BATS_TEST_TMPDIR/old"
  on 1 sh -c 'cat >/run/old-rules' <"$BATS_TEST_TMPDIR/old"
  firewall_changed 'iptables-restore /run/old-rules'
  only_logged "${RULES/replace/add}"
  as_before
}

GUARDED="nft get element inet net-routed sources4 { LINK . 10.1.0.1 } && nft get element arp net-routed sources4 { LINK . 10.1.0.1 } &&
  nft list chain inet net-routed from-ipv4 | grep spoofed-ipv4"

@test "the guard changed: a source taken out, a rule, a table (flaw 6)" {
  local check=${GUARDED//LINK/\"$LINK\"} change
  for change in "nft delete element inet net-routed sources4 { \"$LINK\" . 10.1.0.1 }" \
    'nft flush chain inet net-routed from-ipv4' 'nft delete table inet net-routed' 'nft delete table arp net-routed'; do
    repaired $EVENT "$change" "$check"
    pings 1 one 10.1.0.2
  done
  as_before
}

@test "rules that dockerd writes when it restarts" {
  probe_start 1 one 10.1.0.2
  lab dockerd 1 restart
  probe_end 1 'while dockerd restarts' || :
  wait_until $EVENT on 1 sh -c "$OURS"
  # dockerd puts its own rules in another order.
  diff <(sort "$BATS_TEST_TMPDIR/foreign") <(foreign_things | sort)
  pings 1 one 10.1.0.2 && pings 1 two 192.0.2.1
}

@test "what the kernel does not tell (flaw 10)" {
  local begin=${EPOCHREALTIME/./} check
  on 1 sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 1 >"/proc/sys/net/ipv4/conf/$0/rp_filter"; ip link set "$0" mtu 1400' "$LINK"
  for check in 'ip_forward 1' "conf/$LINK/forwarding 1" "conf/$LINK/rp_filter 2"; do
    wait_until $SWEEP eval "[ \"\$(on 1 cat /proc/sys/net/ipv4/${check% *})\" = ${check#* } ]"
    tell "repaired after $(((${EPOCHREALTIME/./} - begin) / 1000)) ms: ${check//$LINK/LINK}"
  done
  wait_until $EVENT on 1 sh -c 'ip link show "$0" | grep "mtu 1500"' "$LINK"
  equal "$(repairs | grep -c 'ip_forward=1')" 1
  equal "$(repairs | grep -cx 'replace link LINK')" 1
  as_before
}

@test "a deleted link of a running container: lost, its route withdrawn, its address not given to another" {
  repaired $EVENT "ip link del $LINK" "! ip route show 10.1.0.1 | grep ."
  wait_until $EVENT status_shows '^lost +10\.1\.0\.1/32'
  equal "$(count_logged 1 'link is gone')" 1
  pings 1 two 192.0.2.1
  fails create_container 1 thief mine --ip 10.1.0.1
  shows '10\.1\.0\.1.*in use'
  docker_on 1 rm --force thief
  diff "$BATS_TEST_TMPDIR/foreign" <(foreign_things)
  docker_on 1 restart one
  pings 1 two 10.1.0.1
  all_agree 1
}
