#!/usr/bin/env bats
# MTU: of the uplink, of the network, of the container; and what happens where the way is narrower than it was.

load helpers
load probe

setup_file() { lab_up 2; }

mtus() { # K NAME - of the container's end
  run_in "$1" "$2" cat /sys/class/net/eth0/mtu
}
warns() { on "$1" "$NET_ROUTED" status | grep -qE "^warning: [0-9a-f]{12}: $2"; }

@test "addresses.md: that of a container comes before that of its network, and that before the uplink's" {
  local doc=$BATS_DIR/../docs/addresses.md
  on 1 sh -c "$(grep -oP '^    \Kdocker network create .*net-routed.mtu.*' "$doc")"
  create_network 1 mine 10.1.0.0/24
  create_container 1 uplink mine
  create_container 1 network jumbo
  on 1 sh -c "$(grep -oP '^    \Kdocker run .*net-routed.mtu.*' "$doc")"
  equal "$(mtus 1 uplink) $(mtus 1 network) $(mtus 1 small)" '1500 9000 1280'
  warns 1 'MTU 9000 is larger than 1500 of the way out'
}

fresh_mtu_is() { equal "$(docker_on 1 run --rm --net mine busybox cat /sys/class/net/eth0/mtu)" "$1"; }

@test "the next container has what the way out has now: a link, or a default route, that has changed" {
  create_network 1 mine 10.1.0.0/24
  fresh_mtu_is 1500
  on 1 ip link set eth0 mtu 1400
  wait_until 10 fresh_mtu_is 1400
  on 1 ip link set eth0 mtu 1500
  on 1 ip route add default via 192.0.2.2 mtu 1350
  wait_until 10 fresh_mtu_is 1350
  on 1 ip route del default
  wait_until 10 fresh_mtu_is 1500
}

@test "a route with an MTU of its own counts" {
  create_network 1 mine 10.1.0.0/24
  create_container 1 one mine
  on 1 ip route add 198.51.100.0/24 via 192.0.2.2 mtu 1400
  lab daemon 1 restart
  warns 1 'MTU 1500 is larger than 1400 of the route 198\.51\.100\.0/24'
  on 1 ip route del 198.51.100.0/24
}

@test "where the uplink becomes narrower, TCP of running containers follows, both families, without a rule" {
  create_network 1 mine 10.1.0.0/24 --ipv6 --subnet fd00:1::/64
  create_network 2 mine 10.1.0.0/24 --ipv6 --subnet fd00:1::/64
  create_container 1 one mine --ip 10.1.0.1 --ip6 fd00:1::1
  create_container 2 two mine --ip 10.1.0.2 --ip6 fd00:1::2
  local host
  for host in 1 2; do
    on $host ip -6 route replace "fd00:1::$((3 - host))/128" via "2001:db8::$((3 - host))"
    on $host ip link set eth0 mtu 1400
  done
  wait_until 10 pings 1 one 10.1.0.2
  docker_on 2 exec two sh -c 'mkdir -p /www && dd if=/dev/zero of=/www/file bs=1M count=4 2>/dev/null && httpd -h /www'
  local address
  for address in 10.1.0.2 '[fd00:1::2]'; do
    succeeds run_in 1 one timeout 20 wget -O /dev/null "http://$address/file"
  done
  # What the sender has learnt.
  succeeds run_in 2 two ip route get 10.1.0.1
  succeeds on 2 nsenter --net="/proc/$(pid_of 2 two)/ns/net" ip route get 10.1.0.1
  shows 'mtu 1400'
  succeeds on 2 nsenter --net="/proc/$(pid_of 2 two)/ns/net" ip -6 route get fd00:1::1
  shows 'mtu 1400'
  for host in 1 2; do on $host ip link set eth0 mtu 1500; done
}
