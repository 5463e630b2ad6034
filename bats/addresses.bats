#!/usr/bin/env bats
# Several addresses per container: in it, on its host and in the network, from its start to its end.

load helpers
load probe

setup_file() { lab_up 2; }

setup() {
  create_network 1 mine 10.1.0.0/24
  create_network 2 mine 10.1.0.0/24 --ip-range 10.1.0.128/25
}

# several K NAME ADDRESSES [FLAG...] - a container with more addresses than Docker gives it.
several() {
  docker_on "$1" run --detach --name "$2" --stop-signal KILL \
    --network "name=mine,driver-opt=net-routed.addresses=$3" "${@:4}" busybox sleep 100000 >/dev/null
}
inside() { run_in "$1" "$2" ip -o addr show dev eth0 | awk '{ print $4 }' | grep -v '^fe80' | xargs; }
has_inside() { [ "$(inside "$1" "$2")" = "$3" ]; }
host_pings() { on "$1" ping -c 1 -W 2 "$2" >/dev/null; }
status_of() { on "$1" "$NET_ROUTED" status; }

@test "a container has its addresses, answers at each from another host, and sends from Docker's" {
  several 1 one '10.1.0.5 10.1.0.6/32' --ip 10.1.0.1
  create_container 2 two mine --ip 10.1.0.129
  wait_until 5 has_inside 1 one '10.1.0.1/32 10.1.0.5/32 10.1.0.6/32'
  local address
  for address in 10.1.0.1 10.1.0.5 10.1.0.6; do
    wait_until 10 pings 2 two $address
    equal "$(on 1 ip neigh show nud permanent | grep -c "^$address ")" 1
  done
  succeeds run_in 1 one ip route get 10.1.0.129
  shows 'src 10\.1\.0\.1'
  run_in 1 one ping -c 1 -W 2 -I 10.1.0.6 10.1.0.129
}

@test "they are there before the container's own process looks, each time" {
  for _ in 1 2 3 4 5; do
    succeeds docker_on 1 run --rm --network 'name=mine,driver-opt=net-routed.addresses=10.1.0.5 fd00::5' busybox \
      ip -o addr show dev eth0
    shows 'inet 10\.1\.0\.5/32'
    shows 'inet6 fd00::5/128'
  done
}

@test "they survive restarts of the daemon, of dockerd and of the container, and go with it" {
  several 1 one '10.1.0.5 10.1.0.6' --ip 10.1.0.1 --restart always
  local all='10.1.0.1/32 10.1.0.5/32 10.1.0.6/32'
  wait_until 5 has_inside 1 one "$all"
  lab daemon 1 kill
  host_pings 1 10.1.0.6
  lab daemon 1 start
  equal "$(inside 1 one)" "$all"
  docker_on 1 restart one
  wait_until 5 has_inside 1 one "$all"
  lab daemon 1 stop
  lab daemon 1 start
  lab dockerd 1 restart
  wait_until 20 has_inside 1 one "$all"
  host_pings 1 10.1.0.5
  docker_on 1 rm --force one
  equal "$(our_routes 1)$(our_links 1)" ''
  several 1 next '10.1.0.5 10.1.0.6'
}

@test "they come and go with docker network connect and disconnect" {
  docker_on 1 network create other >/dev/null
  create_container 1 one other
  docker_on 1 network connect --driver-opt 'net-routed.addresses=10.1.0.8 10.1.0.9' mine one
  wait_until 5 host_pings 1 10.1.0.9
  docker_on 1 network disconnect mine one
  fails host_pings 1 10.1.0.9
  docker_on 1 network connect --driver-opt 'net-routed.addresses=10.1.0.8 10.1.0.9' mine one
  wait_until 5 host_pings 1 10.1.0.9
}

@test "one that somebody has is refused, and the error says who; so is what is no address, and what does not exist" {
  several 1 one 10.1.0.5 --ip 10.1.0.1
  fails several 1 two 10.1.0.5
  shows "10\.1\.0\.5 is in use: endpoint $(docker_on 1 inspect --format '{{.NetworkSettings.Networks.mine.EndpointID}}' one)"
  docker_on 1 rm two
  fails several 1 two 10.1.0.1
  docker_on 1 rm two
  fails create_container 1 two mine --ip 10.1.0.5
  docker_on 1 rm two
  fails several 1 two 10.1.0.0/24
  shows 'net-routed\.addresses: "10\.1\.0\.0/24" is a subnet'
  docker_on 1 rm two
  fails docker_on 1 run --network 'name=mine,driver-opt=net-routed.address=10.1.0.7' busybox true
  shows 'net-routed\.address does not exist \(is net-routed\.addresses meant\?\): there are '
  docker_on 1 rm two 2>/dev/null || :
  fails several 1 two 192.0.2.1
  shows '192\.0\.2\.1 is in use: this host itself has it'
}

@test "the ancestor's key is taken as it was, also where Docker makes it lower-case" {
  docker_on 1 run --detach --name one --stop-signal KILL --ip 10.1.0.1 \
    --network 'name=mine,driver-opt=com.medallia.routed.network.ipAliases=10.1.0.5/32 10.1.0.6/32' busybox sleep 100000
  create_container 1 two mine --ip 10.1.0.2
  docker_on 1 network disconnect mine two
  docker_on 1 network connect --driver-opt 'com.medallia.routed.network.ipAliases=10.1.0.7/32' mine two
  local address
  for address in 10.1.0.5 10.1.0.6 10.1.0.7; do wait_until 5 host_pings 1 $address; done
}

@test "an IPv6 address on a network without IPv6 is reached, and the container finds out" {
  several 1 one fd00::5
  wait_until 5 host_pings 1 fd00::5
  succeeds run_in 1 one ping -6 -c 1 -W 2 2001:db8::1
}

@test "status and records say what is inside; a container that has not got it is told with the reason" {
  several 1 one 10.1.0.5 --ip 10.1.0.1
  succeeds on 1 "$NET_ROUTED" status --json
  equal "$(jq -c '.endpoints[0] | [.addresses, .extraAddresses, .missing]' <<<"$output")" \
    '[["10.1.0.1/32","10.1.0.5/32"],["10.1.0.5/32"],null]'
  lab daemon 1 stop
  on 1 umount "/run/docker/netns/$(docker_on 1 inspect --format '{{.NetworkSettings.SandboxID}}' one | cut -c1-12)"
  lab daemon 1 start
  succeeds status_of 1
  shows '^not in the container: 10\.1\.0\.5/32 of [0-9a-f]{12}: the daemon does not see /var/run/docker/netns/'
}

@test "addresses.md: kernel settings of the interface, and routes through it, as shown" {
  local doc=$BATS_DIR/../docs/addresses.md
  docker_on 1 network create other >/dev/null
  create_container 1 plain other
  on 1 sh -c "$(grep -oP '^    \Kdocker run .*net-routed.sysctl.*' "$doc")"
  wait_until 5 on 1 docker exec tuned sh -c 'grep -qx 0 /proc/sys/net/ipv4/conf/eth0/accept_redirects'
  docker_on 1 run --detach --name patient --stop-signal KILL \
    --network name=mine,driver-opt=net-routed.sysctl.net.ipv4.neigh.IFNAME.base_reachable_time_ms=12000 busybox sleep 100000
  wait_until 5 on 1 docker exec patient grep -qx 12000 /proc/sys/net/ipv4/neigh/eth0/base_reachable_time_ms
  on 1 sh -c "$(grep -oP '^    \Kdocker network connect .*net-routed.routes.*' "$doc")"
  succeeds run_in 1 plain ip route show
  shows '^10\.9\.0\.0/16 via 169\.254\.[0-9.]+ dev eth1'
  shows '^default .* dev eth0'
  fails docker_on 1 run --network 'name=mine,driver-opt=net-routed.sysctl.net.ipv4.ip_forward=1' busybox true
  shows 'docker run --sysctl'
  fails docker_on 1 run --network 'name=mine,driver-opt=net-routed.routes=0.0.0.0/0' busybox true
  shows 'is the default route'
}

@test "addresses.md: the commands, as shown" {
  create_container 1 other bridge
  local doc=$BATS_DIR/../docs/addresses.md
  on 1 sh -c "$(grep -oP '^    \Kdocker run -d --name web .*' "$doc")"
  on 1 sh -c "$(grep -oP '^    \Kdocker network connect .*net-routed.addresses.*' "$doc")"
  succeeds on 1 sh -c "$(grep -oP '^    \Kdocker exec web .*' "$doc")"
  shows 'inet 10\.1\.0\.5/32'
  shows 'inet 10\.1\.0\.7/32'
  wait_until 5 host_pings 1 10.1.0.9
}

@test "addresses.md: what the unit needs is installed where it says" {
  local file
  file=$(grep -oP '^    install .* \K/usr/local/lib/\S+addresses\.conf' "$BATS_DIR/../docs/addresses.md")
  succeeds env DESTDIR="$BATS_TEST_TMPDIR/root" "$BATS_DIR/../systemd/install"
  grep -q '^CapabilityBoundingSet=CAP_SYS_ADMIN' "$BATS_TEST_TMPDIR/root$file"
}
