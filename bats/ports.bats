#!/usr/bin/env bats
# Docker's published ports: who gets there, under which address, and who does not. Each container has a program that
# answers with its name and the client's address.

load helpers
load probe

setup_file() { lab_up 2; }
setup() { on 1 docker network create -d net-routed --ipam-driver ipam-routed --subnet 10.1.0.0/16 --ipv6 --subnet fd00:1::/64 mine >/dev/null; }

# publish K NAME FLAG... - a container of that name that listens on port 80, by TCP and UDP.
publish() {
  docker_on "$1" run --detach --name "$2" --net mine --stop-signal KILL "${@:3}" busybox sleep 100000 >/dev/null
  serve "$1" "$2" 80
}
# serve K CONTAINER PORT
serve() {
  on "$1" sh -c "setsid nsenter --net=/proc/$(pid_of "$1" "$2")/ns/net node $BATS_DIR/tools/answer.mjs $3 $2 >/dev/null 2>&1 </dev/null & "
  wait_until 20 on "$1" sh -c "nsenter --net=/proc/$(pid_of "$1" "$2")/ns/net ss -ltun | grep -q ':$3 '"
}
# listen PORT - a program of host 1 that has it, by TCP and UDP.
listen() {
  on 1 sh -c "setsid node $BATS_DIR/tools/answer.mjs $1 host >/dev/null 2>&1 </dev/null &"
  wait_until 20 on 1 sh -c "ss -ltun | grep -q ':$1 '"
}
# asks K ADDRESS PORT LINE - what answers host K there; asks_in K CONTAINER ...: a container of it.
asks() { equal "$(ask on "$1" "$2" "$3")" "$4"; }
ask() { "${@:1:$#-2}" timeout "${LIMIT:-5}" bash -c 'exec 3<>"/dev/tcp/$0/$1" && head -n 1 <&3' "${@: -2}"; }
asks_in() { equal "$(run_in "$1" "$2" busybox nc -w 5 "$3" "$4" </dev/null)" "$5"; }
unanswered() { LIMIT=2 fails ask on "$1" "$2" "$3"; }
nothing_published() {
  fails on 1 nft list table inet net-routed-ports
  equal "$(on 1 ip -6 route show table local ::1 | wc -l)" 1
  equal "$(on 1 cat /proc/sys/net/ipv4/conf/all/route_localnet /proc/sys/net/ipv4/conf/eth0/route_localnet | xargs)" '0 0'
}

@test "flaw 5, a port is reached from elsewhere, from the host, by loopback, from containers and from itself, by IPv4 and IPv6" {
  publish 1 one -p 8080:80
  publish 1 two
  local four six
  four=$(address_of 1 two)
  six=$(address6_of 1 two)
  asks 2 192.0.2.1 8080 'one 192.0.2.2'
  asks 2 2001:db8::1 8080 'one 2001:db8::2'
  asks 1 192.0.2.1 8080 'one 192.0.2.1'
  asks 1 2001:db8::1 8080 'one 2001:db8::1'
  asks 1 127.0.0.1 8080 'one 192.0.2.1'
  asks 1 ::1 8080 'one 2001:db8::1'
  asks_in 1 two 192.0.2.1 8080 "one $four"
  asks_in 1 two 2001:db8::1 8080 "one $six"
  asks_in 1 one 192.0.2.1 8080 'one 192.0.2.1'
  asks_in 1 one 2001:db8::1 8080 'one 2001:db8::1'
  # What only passes the host, to the same port of somebody else, is let alone.
  serve 1 two 8080
  asks 2 "$four" 8080 'two 192.0.2.2'
  # No second interface, by which Docker would publish it, too.
  equal "$(run_in 1 one ip -o link show | grep -c ' eth')" 1
  fails on 1 ip link show docker_gwbridge
}

@test "ports outlive a restart of the daemon, and go with the container" {
  publish 1 one -p 8080:80 -p 5353:80/udp
  equal "$(on 2 bash -c 'exec 3<>/dev/udp/192.0.2.1/5353; echo x >&3; timeout 5 head -n 1 <&3')" 'one 192.0.2.2'
  lab daemon 1 kill
  asks 2 192.0.2.1 8080 'one 192.0.2.2'
  lab daemon 1 start
  asks 2 192.0.2.1 8080 'one 192.0.2.2'
  asks 1 127.0.0.1 8080 'one 192.0.2.1'
  on 1 nft delete table inet net-routed-ports
  wait_until 10 asks 2 192.0.2.1 8080 'one 192.0.2.2'
  docker_on 1 restart --time 0 one
  serve 1 one 80
  asks 2 192.0.2.1 8080 'one 192.0.2.2'
  docker_on 1 network disconnect mine one
  unanswered 2 192.0.2.1 8080
  docker_on 1 rm --force one >/dev/null
  nothing_published
}

@test "flaw 7, a port of 127.0.0.1 is for the host alone, whatever neighbours and containers send" {
  publish 1 one -p 127.0.0.1:8080:80 -p '[::1]:8081:80'
  publish 1 two
  asks 1 127.0.0.1 8080 'one 192.0.2.1'
  asks 1 ::1 8081 'one 2001:db8::1'
  unanswered 1 192.0.2.1 8080
  unanswered 2 192.0.2.1 8080
  # A program of the host, and hosts and containers that send packets for 127.0.0.1 to this one.
  listen 9999
  asks 1 127.0.0.1 9999 'host 127.0.0.1'
  on 2 sh -c 'ip addr del 127.0.0.1/8 dev lo; echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet; ip route add 127.0.0.1 via 192.0.2.1 src 192.0.2.2'
  unanswered 2 127.0.0.1 8080
  unanswered 2 127.0.0.1 9999
  on 2 sh -c 'ip route del 127.0.0.1; echo 0 >/proc/sys/net/ipv4/conf/eth0/route_localnet; ip addr add 127.0.0.1/8 dev lo'
  local pid
  for name in one two; do
    pid=$(pid_of 1 $name)
    on 1 nsenter --net="/proc/$pid/ns/net" sh -c 'ip addr del 127.0.0.1/8 dev lo; echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet
      ip route add 127.0.0.1 via $(ip route show default | cut -d" " -f3)'
    for port in 8080 9999; do LIMIT=2 fails ask on 1 nsenter --net="/proc/$pid/ns/net" 127.0.0.1 $port; done
  done
}

@test "automatic ports and ranges are chosen around what is taken, and net-routed status tells them" {
  listen 8000
  listen 61000
  publish 1 one -p 80 -p 80/udp -p 8000-8002:80
  publish 1 two --expose 80 -P -p 192.0.2.1:8000-8002:80
  succeeds on 1 "$NET_ROUTED" status
  shows '\*:61001->80/tcp'
  shows '\*:61001->80/udp'
  shows '\*:8001->80/tcp'
  shows '192\.0\.2\.1:8002->80/tcp'
  asks 2 192.0.2.1 61001 'one 192.0.2.2'
  asks 2 192.0.2.1 8001 'one 192.0.2.2'
  asks 2 192.0.2.1 8002 'two 192.0.2.2'
  fails docker_on 1 run --rm --net mine -p 8000-8002:80 busybox true
  shows 'no tcp port from 8000 to 8002 is free for port 80'
  # Both may be freed by their names: what Docker shows is what was asked for, see docs/ports.md.
  succeeds docker_on 1 inspect -f '{{json .HostConfig.PortBindings}}' two
  shows '"80/tcp":\[\{"HostIp":"192.0.2.1","HostPort":"8000-8002"\}\]'
  equal "$(docker_on 1 ps --filter name=one --format '{{.Ports}}')" ''
}

@test "a port that another container or a program of the host has is refused, and nothing is left of the attempt" {
  publish 1 one -p 8080:80
  local flag
  for flag in 8080:80 127.0.0.1:8080:80 192.0.2.1:8080:80; do
    fails docker_on 1 run --name two --net mine -p "$flag" busybox true
    shows 'tcp port 8080.* belongs to endpoint [0-9a-f]{64} \(10\.1\.0\.[0-9]+/32, fd00:1::[0-9a-f]+/128\) already'
    docker_on 1 rm two >/dev/null
  done
  listen 9090
  fails docker_on 1 run --name two --net mine -p 9090:80 busybox true
  shows 'tcp port 9090 is in use by a process of this host'
  docker_on 1 rm two >/dev/null
  asks 2 192.0.2.1 8080 'one 192.0.2.2'
  succeeds on 1 "$NET_ROUTED" status
  shows ' 1 endpoints, 0 faults'
  docker_on 1 rm --force one >/dev/null
  nothing_published
}

# A whole SCTP association with a message each way, made by the test where the kernel has no SCTP of its own.
sctp_asks() { equal "$(on "$1" node "$BATS_DIR/tools/sctp.mjs" ask "$2" "$3")" "$4"; }
sctp_asks_in() {
  equal "$(on "$1" nsenter --net="/proc/$(pid_of "$1" "$2")/ns/net" node "$BATS_DIR/tools/sctp.mjs" ask "$3" "$4")" "$5"
}
sctp_serve() {
  on "$1" sh -c "setsid nsenter --net=/proc/$(pid_of "$1" "$2")/ns/net node $BATS_DIR/tools/sctp.mjs answer $3 $2 >/dev/null 2>&1 </dev/null &"
  wait_until 20 on "$1" sh -c "nsenter --net=/proc/$(pid_of "$1" "$2")/ns/net ss -lw | grep -q sctp"
}

@test "SCTP ports are reached from elsewhere, from the host, by loopback, from containers and from itself, by IPv4 and IPv6" {
  local name four six
  docker_on 1 run --detach --name one --net mine --stop-signal KILL -p 5000:5001/sctp busybox sleep 100000 >/dev/null
  docker_on 1 run --detach --name two --net mine --stop-signal KILL busybox sleep 100000 >/dev/null
  sctp_serve 1 one 5001
  sctp_serve 1 two 5000
  four=$(address_of 1 two)
  six=$(address6_of 1 two)
  sctp_asks 2 192.0.2.1 5000 'one 192.0.2.2'
  sctp_asks 2 2001:db8::1 5000 'one 2001:db8::2'
  sctp_asks 1 192.0.2.1 5000 'one 192.0.2.1'
  sctp_asks 1 127.0.0.1 5000 'one 192.0.2.1'
  sctp_asks 1 ::1 5000 'one 2001:db8::1'
  sctp_asks_in 1 two 192.0.2.1 5000 "one $four"
  sctp_asks_in 1 two 2001:db8::1 5000 "one $six"
  sctp_asks_in 1 one 192.0.2.1 5000 'one 192.0.2.1'
  sctp_asks_in 1 one 2001:db8::1 5000 'one 2001:db8::1'
  # What only passes the host, to the same port of somebody else, is let alone.
  sctp_asks 2 "$four" 5000 'two 192.0.2.2'
  # A list is asked with the client's address and the container's port.
  local address
  address=$(address_of 1 one)
  succeeds on 1 "$NET_ROUTED" set --endpoint "$address" 'net-routed.ingress=192.0.2.2:sctp/5001'
  sctp_asks 2 192.0.2.1 5000 'one 192.0.2.2'
  sctp_asks 2 2001:db8::1 5000 refused
  sctp_asks_in 1 two 192.0.2.1 5000 refused
  succeeds on 1 "$NET_ROUTED" set --endpoint "$address" 'net-routed.ingress=192.0.2.2:sctp/5000,192.0.2.2:tcp/5001'
  sctp_asks 2 192.0.2.1 5000 refused
  succeeds on 1 "$NET_ROUTED" status
  shows '\*:5000->5001/sctp'
  docker_on 1 rm --force one two >/dev/null
}

@test "who sends by UDP before the port is published reaches it as soon as it is, from elsewhere and from the host" {
  # sender K ADDRESS NAME - one datagram after the other from one port, and what is answered.
  sender() { on "$1" sh -c "exec setsid node $BATS_DIR/tools/flow.mjs $2 8080 >$BATS_TEST_TMPDIR/$3 2>/dev/null </dev/null &"; }
  sender 2 192.0.2.1 far
  sender 2 2001:db8::1 far6
  sender 1 192.0.2.1 near
  wait_until 10 on 1 sh -c 'timeout 5 tcpdump -lnc 6 -i eth0 udp port 8080 >/dev/null 2>&1'
  local name container
  for container in one two; do
    publish 1 $container -p 8080:80/udp
    for name in far far6 near; do wait_until 10 grep -q "^$container " "$BATS_TEST_TMPDIR/$name"; done
    docker_on 1 rm --force $container
  done
  on 2 sh -c 'kill $(head -qn 1 "$0/far" "$0/far6")' "$BATS_TEST_TMPDIR"
  on 1 sh -c 'kill $(head -n 1 "$0/near")' "$BATS_TEST_TMPDIR"
}

@test "a range of a thousand ports is published and withdrawn, and told in one piece" {
  publish 1 one -p 20000-20999:30000-30999 -p 8080:80
  serve 1 one 30999
  asks 2 192.0.2.1 20999 'one 192.0.2.2'
  succeeds on 1 "$NET_ROUTED" status
  shows '\*:20000-20999->30000-30999/tcp'
  docker_on 1 run --detach --name two --net mine --stop-signal KILL --expose 7000-7999 -P busybox sleep 100000
  succeeds on 1 "$NET_ROUTED" status
  shows '\*:6[0-9]+-6[0-9]+->7000-7999/tcp'
  docker_on 1 rm --force one two
  nothing_published
}

@test "a port of an address that the host does not have is there with the address, and as long" {
  publish 1 one -p 192.0.2.78:8080:80 -p 192.0.2.78:8080:80/udp -p 127.0.0.9:8080:80
  unanswered 2 192.0.2.78 8080
  on 1 ip addr add 192.0.2.78/24 dev eth0
  # Host 2 forgets in a moment that nobody had it.
  wait_until 20 asks 2 192.0.2.78 8080 'one 192.0.2.2'
  equal "$(on 2 bash -c 'exec 3<>/dev/udp/192.0.2.78/8080; echo x >&3; timeout 5 head -n 1 <&3')" 'one 192.0.2.2'
  unanswered 2 192.0.2.1 8080
  on 1 ip addr del 192.0.2.78/24 dev eth0
  unanswered 2 192.0.2.78 8080
  asks 1 127.0.0.9 8080 'one 192.0.2.1'
  unanswered 1 127.0.0.1 8080
  docker_on 1 rm --force one >/dev/null
  nothing_published
}
