#!/usr/bin/env bats
# Rates and marks, measured with iperf3 over the second host.

load helpers
load probe

setup_file() {
  export FRR=''
  lab_up 2
  on 2 sh -c 'setsid iperf3 --server >/dev/null 2>&1 </dev/null &'
  on 2 ip route add 10.1.0.0/16 via 192.0.2.1
}

# measured CONTAINER FLAG... - megabits in a second that iperf3 receives, of what it sends from the container to SERVER.
measured() {
  nsenter_in 1 "$1" iperf3 --client "${SERVER:-192.0.2.2}" --time 3 --omit 1 --json "${@:2}" >"$BATS_TEST_TMPDIR/iperf"
  jq '.end.sum_received.bits_per_second / 1000000' "$BATS_TEST_TMPDIR/iperf"
}
nsenter_in() { on "$1" nsenter --net="/proc/$(pid_of "$1" "$2")/ns/net" "${@:3}"; }
# is_rate MEGABITS CONTAINER FLAG... - within 5 %; somebody else may need the machine just then, so it may try again.
is_rate() {
  local found
  for _ in 1 2 3; do
    found=$(measured "${@:2}")
    tell "${*:3}: $found of $1 Mbit/s"
    if jq --exit-status --null-input "$found >= $1 * 0.95 and $found <= $1 * 1.05" >/dev/null; then return; fi
  done
  echo "not within 5 % of $1 Mbit/s: $found"
  return 1
}
# marked6 CLASS - whether host 2 gets IPv6 packets with that traffic class from the container.
marked6() {
  on 2 sh -c "setsid timeout 20 tcpdump -lni eth0 -c 1 'ip6[0:2] & 0x0ff0 = $1 * 16 and icmp6 and src net fd00:1::/64' >/tmp/marked6.$1 2>&1 </dev/null &"
  wait_until 10 on 2 grep -q listening "/tmp/marked6.$1"
  run_in 1 one ping -c 2 -W 2 2001:db8::2 >/dev/null
  wait_until 10 on 2 grep -q 'ICMP6, echo request' "/tmp/marked6.$1"
}
# marked BYTE - whether host 2 gets packets with that byte from the container.
marked() {
  on 2 sh -c "setsid timeout 20 tcpdump -lni eth0 -c 1 'ip[1] = $1 and icmp and src net 10.1.0.0/16' >/tmp/marked.$1 2>&1 </dev/null &"
  wait_until 10 on 2 grep -q listening "/tmp/marked.$1"
  run_in 1 one ping -c 2 -W 2 192.0.2.2 >/dev/null
  wait_until 10 on 2 grep -q 'ICMP echo request' "/tmp/marked.$1"
}
nothing_shaped() {
  equal "$(on 1 sh -c 'ip -o link show type ifb; tc qdisc show; nft list table inet net-routed-marks 2>/dev/null' | grep -cE 'ni-|tbf|ingress|dscp')" 0
}

@test "TCP and UDP have the rate, both ways" {
  create_network 1 mine 10.1.0.0/24
  docker_on 1 create --name one --net none --stop-signal KILL busybox sleep 100000 >/dev/null
  docker_on 1 network disconnect none one
  docker_on 1 network connect --driver-opt net-routed.rate-in=20mbit --driver-opt net-routed.rate-out=10mbit mine one
  docker_on 1 start one >/dev/null
  is_rate 10 one
  is_rate 20 one --reverse
  is_rate 10 one --udp --bitrate 15M
  is_rate 20 one --udp --bitrate 30M --reverse
  docker_on 1 rm --force one >/dev/null
  nothing_shaped
}
@test "a network's rates and marks are changed while containers run, and outlive restarts" {
  docker_on 1 network create -d net-routed --ipam-driver ipam-routed --subnet 10.1.0.0/24 -o net-routed.rate-out=50mbit -o net-routed.dscp=ef fast >/dev/null
  create_container 1 one fast
  local id
  id=$(docker_on 1 network inspect --format '{{.Id}}' fast)
  is_rate 50 one
  marked 184
  succeeds on 1 "$NET_ROUTED" set --network "$id" net-routed.rate-out=10mbit net-routed.rate-in=30mbit net-routed.dscp=
  is_rate 10 one
  is_rate 30 one --reverse
  marked 0
  lab daemon 1 kill
  is_rate 10 one
  lab daemon 1 start
  is_rate 30 one --reverse
  succeeds on 1 "$NET_ROUTED" status
  shows ' in 30mbit out 10mbit$'
  # Somebody else takes them away.
  on 1 sh -c 'for link in $(ip -o link show type ifb | grep -oE "ni-[0-9a-f]+"); do ip link del $link; done'
  wait_until 10 on 1 sh -c 'ip -o link show type ifb | grep -q ni-'
  is_rate 10 one
  succeeds on 1 "$NET_ROUTED" set --endpoint "$(address_of 1 one)" net-routed.rate-out= net-routed.rate-in=100mbit
  is_rate 100 one --reverse
  fails on 1 "$NET_ROUTED" set --network "$id" net-routed.rate-in=fast
  shows 'net-routed.rate-in: "fast" is not a rate: give 8kbit'
  docker_on 1 rm --force one >/dev/null
  nothing_shaped
}

@test "rates and marks hold for IPv6, on one host, and change while traffic runs" {
  local rate id four
  on 1 docker network create -d net-routed --ipam-driver ipam-routed --subnet 10.1.0.0/24 --ipv6 --subnet fd00:1::/64 \
    -o net-routed.dscp=af41 both >/dev/null
  create_container 1 one both
  create_container 1 two both
  on 2 ip -6 route replace fd00:1::/64 via 2001:db8::1
  nsenter_in 1 two sh -c 'setsid iperf3 --server >/dev/null 2>&1 </dev/null &'
  four=$(address_of 1 one)
  marked 136
  marked6 136
  on 1 "$NET_ROUTED" set --endpoint "$four" net-routed.rate-in=16mbit net-routed.rate-out=8mbit net-routed.burst=32k
  SERVER=2001:db8::2 is_rate 8 one --length 4K
  SERVER=2001:db8::2 is_rate 16 one --reverse --length 4K
  SERVER=2001:db8::2 is_rate 8 one --udp --bitrate 12M --length 1428
  SERVER=$(address_of 1 two) is_rate 8 one --length 4K
  SERVER=$(address_of 1 two) is_rate 16 one --reverse --length 4K
  # One connection, which is there before and after; iperf3 tells each second.
  nsenter_in 1 one iperf3 --client 192.0.2.2 --time 12 --json >"$BATS_TEST_TMPDIR/long" &
  wait_until 10 on 2 sh -c 'ss -Htn state established sport = :5201 | grep -q 10.1.0'
  sleep 4
  succeeds on 1 "$NET_ROUTED" set --endpoint "$four" net-routed.rate-out=40mbit
  wait "$!"
  rate=$(jq --compact-output '[.intervals[].sum.bits_per_second / 1000000 | round]' "$BATS_TEST_TMPDIR/long")
  tell "megabits in each second: $rate"
  # The first second has the burst, and what waits.
  jq --exit-status '.[1] < 12 and (.[6:] | max) > 20' <<<"$rate" >/dev/null
  docker_on 1 rm --force one two >/dev/null
  nothing_shaped
}
@test "what somebody else takes away is back at once" {
  local link
  on 1 docker network create -d net-routed --ipam-driver ipam-routed --subnet 10.1.0.0/24 \
    -o net-routed.rate-in=20mbit -o net-routed.rate-out=10mbit -o net-routed.dscp=ef mine >/dev/null
  create_container 1 one mine
  link=$(on 1 "$NET_ROUTED" status --json | jq --raw-output '.endpoints[0].link')
  shaped() {
    on 1 sh -c "tc qdisc show dev $link | grep -q 'tbf 6e72: .* rate 20' && tc qdisc show dev ni-${link#nr-} | grep -q 'tbf 6e72: .* rate 10' &&
      tc filter show dev $link ingress | grep -q mirred && nft list chain inet net-routed-marks dscp-46 | grep -q 'dscp set ef'"
  }
  wait_until 10 shaped
  # A sweep would take up to half a minute for each.
  for command in "tc qdisc del dev $link root" "tc qdisc del dev ni-${link#nr-} root" "tc qdisc del dev $link ingress" \
    "tc filter del dev $link ingress" "tc qdisc change dev $link root handle 6e72: tbf rate 1mbit burst 32k limit 64k" \
    'nft delete table inet net-routed-marks' 'nft flush chain inet net-routed-marks dscp-46'; do
    on 1 sh -c "$command"
    wait_until 10 shaped
  done
  marked 184
  docker_on 1 rm --force one >/dev/null
  nothing_shaped
}
@test "a wrong rate is refused with what would be right, and changes nothing" {
  local value
  create_network 1 mine 10.1.0.0/24
  create_container 1 one mine
  for value in '10 mbit' 0 -1 1e9 10mbits 35gbit fast ''; do
    fails create_network 1 other 10.2.0.0/24 -o "net-routed.rate-out=$value"
    shows "net-routed.rate-out: \"$value\" is not a rate: give 8kbit to 34gbit, such as 512kbit, 10mbit, 1gbit"
    [ -n "$value" ] || continue
    fails on 1 "$NET_ROUTED" set --endpoint "$(address_of 1 one)" "net-routed.rate-out=$value"
    shows "net-routed.rate-out: \"$value\" is not a rate: give 8kbit"
  done
  fails create_network 1 other 10.2.0.0/24 -o net-routed.rate-out=10Mbps
  shows '"10Mbps" is not a rate, it may be bits or bytes: give 8kbit'
  nothing_shaped
}
