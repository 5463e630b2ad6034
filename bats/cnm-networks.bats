#!/usr/bin/env bats
# Several networks at once, one container on several, and our drivers together with those of others.

load helpers

setup_file() {
  export FRR=''
  lab_up 1
}

@test "networks with different subnets stand side by side and reach each other" {
  create_network 1 red 10.1.0.0/16
  create_network 1 blue 10.2.0.0/16
  create_container 1 rr red --ip 10.1.0.1
  create_container 1 bb blue --ip 10.2.0.1
  pings 1 rr 10.2.0.1
  pings 1 bb 10.1.0.1
  differ "$(gateway_of 1 rr)" "$(gateway_of 1 bb)"
  docker_on 1 rm --force rr
  docker_on 1 network rm red
  pings 1 bb 192.0.2.1
}

@test "one network has several subnets" {
  create_network 1 mine 10.1.0.0/16 --subnet 10.2.0.0/16
  create_container 1 aa mine --ip 10.1.0.1
  create_container 1 bb mine --ip 10.2.0.1
  pings 1 aa 10.2.0.1
}

@test "one container on two networks answers on both addresses, and keeps one when it leaves the other" {
  create_network 1 red 10.1.0.0/16
  create_network 1 blue 10.2.0.0/16
  create_container 1 both red --ip 10.1.0.1
  docker_on 1 network connect --ip 10.2.0.1 blue both
  create_container 1 bb blue --ip 10.2.0.2
  pings 1 bb 10.1.0.1
  pings 1 bb 10.2.0.1
  pings 1 both 10.2.0.2
  equal "$(our_routes 1 | wc -l)" 3
  docker_on 1 network disconnect red both
  wait_until 5 pings 1 both 10.2.0.2
  fails pings 1 bb 10.1.0.1
  docker_on 1 restart both
  pings 1 bb 10.2.0.1
}

# After the attempt the container is on both networks or, with a reason given, on the first alone: and that one works.
joins_a_second_network() {
  create_network 1 red 10.1.0.0/16
  create_network 1 blue 10.2.0.0/16
  create_container 1 both red --ip 10.1.0.1
  create_container 1 rr red --ip 10.1.0.2
  run docker_on 1 network connect --ip 10.2.0.1 blue both
  if [ "$status" = 0 ]; then
    pings 1 rr 10.2.0.1
    equal "$(our_routes 1 | wc -l)" 3
  else
    shows 'gateway'
    shows '10\.100\.0\.1'
    fails run_in 1 both ip link show eth1
    equal "$(our_routes 1 | wc -l)" 2
    equal "$(our_links 1 | wc -l)" 2
    equal "$(docker_on 1 network inspect blue -f '{{len .Containers}}')" 0
  fi
  pings 1 rr 10.1.0.1
  pings 1 both 192.0.2.1
}

@test "with one gateway for all networks a second network is joined or clearly refused" {
  lab daemon 1 restart --gateway 10.100.0.1
  joins_a_second_network
  clean
  lab daemon 1 restart
}

@test "with Docker's own IPAM every neighbour and the gateway answer, the first time at once" {
  docker_on 1 network create --internal --driver net-routed --subnet 10.4.0.0/24 mine
  create_container 1 aa mine --ip 10.4.0.10
  create_container 1 bb mine --ip 10.4.0.11
  equal "$(run_in 1 aa ip -o -4 addr show dev eth0 | awk '{ print $4 }')" 10.4.0.10/24
  below "$(for _ in 1 2 3; do first_ping 1 mine 10.4.0.10; done | median)" 5
  below "$(for _ in 1 2 3; do first_ping 1 mine "$(gateway_of 1 aa)"; done | median)" 5
  pings 1 bb 10.4.0.10
  pings 1 aa 192.0.2.1
  # A neighbour on another host, as the routing daemon would have it.
  on 1 ip route add 10.4.0.200 via 192.0.2.77
  pings 1 aa 10.4.0.200 || :
  run run_in 1 aa ip neigh show 10.4.0.200
  on 1 ip route del 10.4.0.200
  shows 'lladdr'
}

@test "with the null IPAM a container starts without an address" {
  docker_on 1 network create --internal --driver net-routed --ipam-driver null mine
  create_container 1 aa mine
  equal "$(run_in 1 aa ip -o -4 addr show dev eth0)" ''
  run_in 1 aa ip link show eth0
  docker_on 1 rm --force aa
  equal "$(our_links 1)" ''
}

@test "our IPAM serves the bridge driver" {
  docker_on 1 network create --driver bridge --ipam-driver ipam-routed --subnet 10.5.0.0/24 --gateway 10.5.0.1 mine
  create_container 1 aa mine --ip 10.5.0.10
  create_container 1 bb mine
  pings 1 bb 10.5.0.10
  pings 1 aa 10.5.0.1
  equal "$(our_links 1)" ''
}

@test "either of our names serves as driver and as IPAM" {
  docker_on 1 network create --internal --driver net-routed --ipam-driver net-routed --subnet 10.6.0.0/24 mine
  create_container 1 aa mine --ip 10.6.0.10
  equal "$(run_in 1 aa ip -o -4 addr show dev eth0 | awk '{ print $4 }')" 10.6.0.10/32
}

@test "IPv6 works beside IPv4" {
  create_network 1 mine 10.7.0.0/24 --ipv6 --subnet 2001:db8:7::/64
  create_container 1 aa mine --ip 10.7.0.10 --ip6 2001:db8:7::10
  create_container 1 bb mine
  pings 1 bb 2001:db8:7::10
  pings 1 bb 10.7.0.10
  pings 1 aa 2001:db8::1
  succeeds on 1 ip -6 route show proto 200
  shows '^2001:db8:7::10 dev nr-'
}

@test "docker-compose brings services up with fixed addresses, and down again" {
  on 1 sh -c 'command -v docker-compose' >/dev/null || skip 'docker-compose is not installed'
  cat >"$BATS_TEST_TMPDIR/docker-compose.yml" <<'END'
version: "2.4"
networks:
  mine:
    driver: net-routed
    internal: true
    ipam:
      driver: ipam-routed
      config: [{ subnet: 10.8.0.0/24 }]
services:
  server:
    image: busybox
    command: httpd -f
    stop_signal: KILL
    networks: { mine: { ipv4_address: 10.8.0.10 } }
  client:
    image: busybox
    command: sleep 100000
    stop_signal: KILL
    networks: [mine]
END
  compose() { on 1 docker-compose --project-name shop --file "$BATS_TEST_TMPDIR/docker-compose.yml" "$@"; }
  succeeds compose up --detach
  local client
  client=$(docker_on 1 ps --quiet --filter label=com.docker.compose.service=client)
  pings 1 "$client" 10.8.0.10
  pings 1 "$client" server
  succeeds compose down
  equal "$(our_links 1)" ''
}

@test "operators name networks and containers as Docker does" {
  create_network 1 odd.name_1-x 10.1.0.0/24
  create_network 1 second 10.2.0.0/24
  create_container 1 cafe odd.name_1-x --ip 10.1.0.5
  create_container 1 both odd.name_1-x --ip 10.1.0.6
  docker_on 1 network connect --ip 10.2.0.6 second both
  docker_on 1 create --name stopped --net second busybox true >/dev/null
  docker_on 1 run --detach --name plain --net none --stop-signal KILL busybox sleep 100000 >/dev/null
  succeeds on 1 "$BATS_DIR/../bin/net-routed" set --endpoint cafe net-routed.dscp=8
  equal "$output" 'set: 10.1.0.5/32'
  succeeds on 1 "$BATS_DIR/../bin/net-routed" set --endpoint "$(docker_on 1 inspect --format '{{.Id}}' cafe | cut -c 1-12)" net-routed.dscp=
  equal "$output" 'set: 10.1.0.5/32'
  succeeds on 1 "$BATS_DIR/../bin/net-routed" set --network odd.name_1-x net-routed.dscp=8
  equal "$(sort <<<"$output" | xargs)" 'set: 10.1.0.5/32 set: 10.1.0.6/32'
  refuses() { fails on 1 "$BATS_DIR/../bin/net-routed" set "$1" "$2" net-routed.dscp=ef && shows "$3"; }
  refuses --endpoint both 'container "both" is on several networks: give one of 10\.[12]\.0\.6, 10\.[12]\.0\.6'
  refuses --endpoint stopped 'container "stopped" is on no network of net-routed, or does not run'
  refuses --endpoint plain 'container "plain" is on no network of net-routed'
  refuses --endpoint /cafe 'no endpoint of net-routed is "/cafe"'
  refuses --network bridge 'network "bridge" is not of net-routed: its driver is bridge'
  refuses --network third 'no network of net-routed is "third"'
  local id
  id=$(docker_on 1 network inspect --format '{{.Id}}' second)
  lab dockerd 1 stop
  refuses --network second 'Docker was asked for the name and does not answer .*docker.sock.*: give 12 digits of the id'
  succeeds on 1 "$BATS_DIR/../bin/net-routed" set --network "${id:0:12}" net-routed.dscp=16
  lab dockerd 1 start
}
