#!/usr/bin/env bats
# What the integration tests of net-routed's ancestor asked for, with the flags it was run with.

load helpers

setup_file() {
  export DAEMON_ARGS='--gateway 10.100.0.1 --mtu 9000' FRR=''
  lab_up 1
}
setup() { create_network 1 mine 10.46.0.0/16; }

@test "a container shows its address and the default route by the gateway" {
  succeeds docker_on 1 run --rm --net mine --ip 10.46.1.7 alpine sh -c 'ip -o -4 addr; ip route; ip link show eth0'
  shows 'eth0 +inet 10\.46\.1\.7/32 '
  shows '^default via 10\.100\.0\.1 dev eth0'
  shows '^10\.100\.0\.1 dev eth0 scope link'
  shows 'mtu 9000 '
}

@test "two containers talk with nc" {
  create_container 1 server mine --ip 10.46.1.1
  docker_on 1 exec --detach server sh -c 'echo greetings | nc -l -p 9999'
  wait_until 5 docker_on 1 run --rm --net mine --ip 10.46.1.2 alpine sh -c 'nc -w 2 10.46.1.1 9999 </dev/null | grep .'
  equal "$output" greetings
}

@test "after a ping to 8.8.8.8 the ARP table holds only the gateway" {
  create_container 1 one mine --ip 10.46.1.3
  run_in 1 one ping -c 1 -W 1 8.8.8.8 || :
  succeeds run_in 1 one arp -n
  equal "$(wc -l <<<"$output")" 1
  shows '\(10\.100\.0\.1\) at ([0-9a-f]{2}:){5}[0-9a-f]{2} \[ether\] +on eth0'
}
