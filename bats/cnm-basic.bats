#!/usr/bin/env bats
# One network on two hosts: what a container and its host look like, and the life of a container.

load helpers

SUBNET=10.1.0.0/16

setup_file() { lab_up 2; }

setup() {
  create_network 1 mine $SUBNET
  create_container 1 one mine --ip 10.1.0.1
}

two_hosts() {
  create_network 2 mine $SUBNET
  create_container 2 two mine --ip 10.1.0.2
  wait_until 5 has_route 1 10.1.0.2
  wait_until 5 has_route 2 10.1.0.1
}

@test "a container has its address as a /32 on eth0, up, and no other address" {
  equal "$(run_in 1 one ip -o -4 addr show dev eth0 | awk '{ print $4 }')" 10.1.0.1/32
  succeeds run_in 1 one ip link show eth0
  shows ',UP,LOWER_UP'
  equal "$(run_in 1 one ip -o link show | wc -l)" 2
}

@test "its default route goes by a link-local gateway, and that by the link, and so does its network" {
  local gateway
  gateway=$(gateway_of 1 one)
  matches "$gateway" '^169\.254\.'
  equal "$(run_in 1 one ip route show | sed 's/ *$//')" "default via $gateway dev eth0
$SUBNET via $gateway dev eth0
$gateway dev eth0 scope link"
}

@test "its neighbour table holds the gateway and nothing else, whoever it talked to" {
  two_hosts
  create_container 1 other mine --ip 10.1.0.3
  local address
  for address in 10.1.0.3 10.1.0.2 10.1.200.200 192.0.2.1 192.0.2.2; do pings 1 one $address || :; done
  equal "$(run_in 1 one ip neigh show | awk '{ print $1 }')" "$(gateway_of 1 one)"
}

@test "its MAC address is made from its address, and Docker knows it" {
  equal "$(run_in 1 one cat /sys/class/net/eth0/address)" 02:42:0a:01:00:01
  equal "$(docker_on 1 inspect -f '{{.NetworkSettings.Networks.mine.MacAddress}}' one)" 02:42:0a:01:00:01
}

@test "a MAC address that the user gave is taken" {
  create_container 1 other mine --ip 10.1.0.3 --mac-address 02:11:22:33:44:55
  equal "$(run_in 1 other cat /sys/class/net/eth0/address)" 02:11:22:33:44:55
  pings 1 one 10.1.0.3
}

@test "the MTU of both ends is that of the host's uplink" {
  equal "$(run_in 1 one cat /sys/class/net/eth0/mtu)" 1500
  equal "$(on 1 sh -c 'cat /sys/class/net/nr-*/mtu')" 1500
}

@test "the host has one route to it, by a link of ours, that routing daemons take" {
  succeeds our_routes 1
  equal "$(wc -l <<<"$output")" 1
  shows '^10\.1\.0\.1 dev nr-[0-9a-f]{12} scope link *$'
  succeeds on 1 vtysh -c 'show ip route 10.1.0.1/32'
  shows 'Known via "kernel"'
}

@test "everything of ours on the host carries our mark" {
  local link
  equal "$(our_links 1 | wc -l)" 1
  for link in $(our_links 1); do
    matches "$(on 1 cat "/sys/class/net/$link/ifalias")" '^net-routed'
  done
  succeeds on 1 iptables-save
  shows '^:NET-ROUTED '
}

@test "containers of one host reach each other, the host and are reached by it" {
  create_container 1 other mine
  local other
  other=$(address_of 1 other)
  pings 1 one "$other"
  pings 1 other 10.1.0.1
  pings 1 one 192.0.2.1
  on 1 bash -c "exec 3<>/dev/tcp/10.1.0.1/1 || true" 2>&1 | grep -q 'Connection refused'
}

@test "containers of two hosts reach each other by ping and TCP with their own addresses" {
  two_hosts
  pings 1 one 10.1.0.2
  pings 2 two 10.1.0.1
  docker_on 2 exec --detach two sh -c 'echo hello >/root/index.html; httpd -f -v -h /root -p 7000 2>/root/log'
  wait_until 5 run_in 1 one wget -O /dev/null http://10.1.0.2:7000/
  succeeds run_in 2 two cat /root/log
  shows '10\.1\.0\.1\]?:'
}

@test "name, aliases and hostname are known to the containers of the network" {
  create_container 1 other mine --ip 10.1.0.3 --hostname othello --network-alias moor
  equal "$(run_in 1 other hostname)" othello
  succeeds run_in 1 one ping -c 1 -W 2 other
  shows '10\.1\.0\.3'
  succeeds run_in 1 one ping -c 1 -W 2 moor
  shows '10\.1\.0\.3'
}

@test "a restarted container has the same address and is reached" {
  two_hosts
  docker_on 1 restart one
  equal "$(address_of 1 one)" 10.1.0.1
  wait_until 5 pings 2 two 10.1.0.1
  equal "$(our_links 1 | wc -l)" 1
}

@test "a stopped container leaves no link and no route, here or elsewhere, and comes back" {
  two_hosts
  docker_on 1 stop one
  equal "$(our_links 1)" ''
  equal "$(our_routes 1)" ''
  wait_until 5 not has_route 2 10.1.0.1
  docker_on 1 start one
  wait_until 5 pings 2 two 10.1.0.1
}

@test "a container whose process dies leaves nothing either" {
  docker_on 1 kill one
  wait_until 5 equal_now '' our_links 1
  equal "$(our_routes 1)" ''
}
equal_now() { equal "$("${@:2}")" "$1"; }

@test "inspect shows drivers, subnet and containers" {
  succeeds docker_on 1 network inspect mine -f '{{.Driver}} {{.IPAM.Driver}} {{(index .IPAM.Config 0).Subnet}} {{.Internal}}'
  equal "$output" "net-routed ipam-routed $SUBNET true"
  succeeds docker_on 1 network inspect mine -f '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{.MacAddress}}{{end}}'
  equal "$output" 'one 10.1.0.1/32 02:42:0a:01:00:01'
}

@test "a running container is connected and disconnected" {
  docker_on 1 run --detach --name plain busybox sleep 100000
  fails pings 1 one 10.1.0.4
  docker_on 1 network connect --ip 10.1.0.4 mine plain
  equal "$(run_in 1 plain ip -o -4 addr show dev eth1 | awk '{ print $4 }')" 10.1.0.4/32
  pings 1 one 10.1.0.4
  docker_on 1 network disconnect mine plain
  fails run_in 1 plain ip link show eth1
  fails pings 1 one 10.1.0.4
  equal "$(our_links 1 | wc -l)" 1
  docker_on 1 rm -f plain
}

@test "a network in use is not removed; a removed one leaves nothing and may be made again" {
  fails docker_on 1 network rm mine
  shows 'active endpoints'
  docker_on 1 rm -f one
  docker_on 1 network rm mine
  equal "$(our_links 1)$(our_routes 1)" ''
  succeeds on 1 iptables-save
  hides NET-ROUTED
  create_network 1 mine $SUBNET
  create_container 1 one mine --ip 10.1.0.1
}

@test "a network that is not internal works as well, and needs no bridge of Docker's" {
  docker_on 1 network create --driver=net-routed --ipam-driver=ipam-routed --subnet 10.3.0.0/16 outside
  create_container 1 out outside --ip 10.3.0.1
  pings 1 one 10.3.0.1
  equal "$(run_in 1 out ip -o link show | wc -l)" 2
  pings 1 out 192.0.2.2
}

@test "twenty containers started at once all work" {
  local number
  for number in $(seq 20); do docker_on 1 run --detach --net mine busybox sleep 100000 & done >/dev/null
  wait
  equal "$(our_routes 1 | wc -l)" 21
  for number in $(our_routes 1 | awk '{ print $1 }'); do pings 1 one "$number"; done
}
