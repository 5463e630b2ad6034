#!/usr/bin/env bats
# The lab itself, without the plugin.

load helpers

setup_file() { export DAEMON=''; }
teardown() { lab down; }

# Everything a lab could leave on the machine.
traces() {
  pgrep --full "$BATS_DIR/lab _|dockerd|containerd|zebra|ospfd" --list-full | grep -F "$LAB" || :
  grep -F "$LAB" /proc/self/mountinfo || :
  ip -o link show | grep -oE '^[0-9]+: h[0-9]+' || :
  find /sys/fs/cgroup -type d -name "net-routed-lab-$(cksum <<<"$LAB" | cut -d' ' -f1)-*"
  find "$LAB" -maxdepth 0 2>/dev/null || :
}


@test "hosts see each other, have their own name, processes and stock settings" {
  FRR='' DOCKER=0 lab up 2
  succeeds on 1 ping -c 1 -W 2 192.0.2.2
  equal "$(on 2 hostname)" h2
  equal "$(on 1 sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/eth0/rp_filter' | xargs)" '0 2'
  succeeds on 1 ps -e -o args=
  hides dockerd
}

@test "a host's exit statuses, output and working directory come through" {
  FRR='' DOCKER=0 lab up 1
  run on 1 sh -c 'echo out; exit 7'
  equal "$status $output" '7 out'
  equal "$(cd "$BATS_DIR" && on 1 pwd)" "$BATS_DIR"
}

@test "what a host writes is not on the machine and outlives a power cut" {
  FRR='' DOCKER=0 lab up 1
  on 1 touch /etc/written-in-the-lab /var/lib/written-in-the-lab
  [ ! -e /etc/written-in-the-lab ]
  lab kill 1
  fails on 1 true
  lab boot 1
  on 1 test -e /etc/written-in-the-lab -a -e /var/lib/written-in-the-lab
}

@test "the engine turns forwarding on and lets nothing through by itself" {
  FRR='' lab up 1
  succeeds on 1 iptables -S FORWARD
  shows '^-P FORWARD DROP'
  equal "$(on 1 cat /proc/sys/net/ipv4/ip_forward)" 1
}

@test "containers run, also with limits and published ports, and come back after a power cut" {
  FRR='' lab up 2
  docker_on 1 run --detach --restart always --memory 64m --publish 8080:80 alpine sh -c 'echo hello >/index.html; httpd -f -h /'
  wait_until 5 lab net 2 curl --silent --max-time 1 http://192.0.2.1:8080/
  equal "$output" hello
  lab kill 1
  lab boot 1
  wait_until 5 lab net 2 curl --silent --max-time 1 http://192.0.2.1:8080/
}

@test "routers know each other when the lab is up, and routes of our prefixes travel" {
  DOCKER=0 lab up 2
  on 1 sh -c 'ip link add p0 type veth peer p1; ip link set p0 up; ip link set p1 up; ip route add 10.1.0.1 dev p0 proto 200'
  wait_until 5 has_route 2 10.1.0.1
  on 1 ip route add 172.31.0.1 dev p0 proto 200
  on 1 ip route del 10.1.0.1
  wait_until 5 not has_route 2 10.1.0.1
  not has_route 2 172.31.0.1
}

@test "cables join hosts, also after a power cut; routers run neither engine nor plugin" {
  CABLES='1:eth1=2:eth1 2:eth2=1:eth2' ROUTERS=2 FRR='' lab up 2
  succeeds on 1 ping -c 1 -W 2 203.0.113.6
  succeeds on 1 ping -c 1 -W 2 2001:db8:1::2
  succeeds on 2 ping -c 1 -W 2 203.0.113.10
  succeeds on 1 docker version
  fails on 2 docker version
  lab kill 2
  fails on 1 ping -c 1 -W 1 203.0.113.6
  lab boot 2
  succeeds on 1 ping -c 1 -W 2 203.0.113.6
  lab down
  fails env CABLES='1:eth1-2:eth1' "$BATS_DIR/lab" up 1
  shows 'no cable: 1:eth1-2:eth1'
}

@test "nothing is left after down, nor after up was killed half-way" {
  FRR='' lab up 1
  docker_on 1 run --detach --restart always busybox sleep 1000
  run traces
  shows "$LAB"
  lab down
  equal "$(traces)" ''
  "$BATS_DIR/lab" up 2 &
  local pid=$!
  wait_until 5 test -e "$LAB/switch"
  kill -KILL "$pid"
  wait "$pid" || :
  lab down
  equal "$(traces)" ''
}

@test "two labs run side by side" {
  FRR='' DOCKER=0 lab up 1
  on 1 ip route add blackhole 10.9.9.9
  FRR='' DOCKER=0 LAB=$LAB-second lab up 1
  run env LAB="$LAB-second" "$BATS_DIR/lab" on 1 ip route show 10.9.9.9
  LAB=$LAB-second lab down
  equal "$output" ''
  succeeds on 1 ip route show 10.9.9.9
  shows blackhole
}
