#!/usr/bin/env bats
# The daemon, the engine or the whole host ends while containers run.

load helpers

setup_file() {
  export FRR=''
  lab_up 1
}

setup() {
  create_network 1 mine 10.1.0.0/16
  create_container 1 one mine --ip 10.1.0.1
  create_container 1 two mine --ip 10.1.0.2
}

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  # Whatever a failed test stopped; starting what runs fails and changes nothing.
  on 1 sh -c 'test -S /run/docker/plugins/net-routed.sock' || lab daemon 1 start
  on 1 docker version >/dev/null 2>&1 || lab dockerd 1 start
  clean
}

# Links with their numbers, routes and rules: all that a container's traffic depends on.
plumbing() {
  on 1 sh -c 'ip -o link show | grep -o "^[0-9]*: nr-[^ ]*" | sort; ip route show proto 200 | sort; ip addr show | grep -A9 "nr-" | grep inet
    iptables -S NET-ROUTED'
}
# Without the engine's help.
host_reaches_both() { on 1 ping -c 1 -W 2 10.1.0.1 && on 1 ping -c 1 -W 2 10.1.0.2; }
still_works() { pings 1 one 10.1.0.2 && pings 1 two 192.0.2.1; }

@test "a daemon that is stopped leaves containers alone, removes its sockets, and finds everything again" {
  local before
  before=$(plumbing)
  lab daemon 1 stop
  equal "$(on 1 ls /run/docker/plugins)" ''
  still_works
  equal "$(plumbing)" "$before"
  lab daemon 1 start
  still_works
  equal "$(plumbing)" "$before"
  docker_on 1 rm --force one
  equal "$(our_links 1 | wc -l)" 1
}

@test "a daemon that is killed leaves containers alone, and its stale sockets are replaced" {
  local before
  before=$(plumbing)
  lab daemon 1 kill
  on 1 test -S /run/docker/plugins/net-routed.sock
  still_works
  lab daemon 1 start
  equal "$(plumbing)" "$before"
  create_container 1 three mine
  pings 1 three 10.1.0.1
}

@test "no packet is lost while the daemon restarts" {
  docker_on 1 exec --detach one sh -c 'ping -i 0.02 -c 200 10.1.0.2 >/root/pings; touch /root/done'
  lab daemon 1 restart
  lab daemon 1 kill
  lab daemon 1 start
  wait_until 20 run_in 1 one test -e /root/done
  succeeds run_in 1 one cat /root/pings
  shows ' 0% packet loss'
}

@test "addresses in use stay in use after the daemon was killed" {
  lab daemon 1 kill
  lab daemon 1 start
  fails create_container 1 thief mine --ip 10.1.0.1
  shows '10\.1\.0\.1.*in use'
  docker_on 1 rm --force thief
}

@test "what disappeared while the daemon was down is put back" {
  lab daemon 1 stop
  on 1 sh -c 'ip route del 10.1.0.1; iptables -F NET-ROUTED; iptables -P FORWARD DROP'
  lab daemon 1 start
  still_works
}

@test "what does not carry our mark is left alone, whatever its name" {
  on 1 sh -c 'ip link add nr-000000000000 type veth peer name nrc000000000000; ip link set nr-000000000000 up
    ip link set nrc000000000000 up; ip route add 10.1.77.7 dev nr-000000000000; ip route add 10.77.0.0/16 dev eth0 proto 200
    iptables -N NET-ROUTED-OF-SOMEBODY'
  lab daemon 1 restart
  docker_on 1 rm --force one two
  docker_on 1 network rm mine
  lab daemon 1 restart
  succeeds on 1 sh -c 'ip link show nr-000000000000 && ip route show 10.1.77.7 | grep . && ip route show 10.77.0.0/16 | grep . &&
    iptables -S NET-ROUTED-OF-SOMEBODY'
  on 1 sh -c 'ip link del nr-000000000000; ip route del 10.77.0.0/16; iptables -X NET-ROUTED-OF-SOMEBODY'
}

@test "the engine's restart ends containers and leaves nothing; those to be restarted come back" {
  create_container 1 three mine --ip 10.1.0.3 --restart always
  lab dockerd 1 restart
  wait_until 10 pings 1 three 192.0.2.1
  equal "$(our_routes 1 | awk '{ print $1 }')" 10.1.0.3
  docker_on 1 start one
  pings 1 three 10.1.0.1
}

@test "after the engine was killed its containers come back and nothing of their former life is left" {
  create_container 1 three mine --ip 10.1.0.3 --restart always
  lab dockerd 1 kill
  lab dockerd 1 start
  wait_until 10 pings 1 three 192.0.2.1
  wait_until 10 count_of_links 1
  equal "$(our_routes 1 | awk '{ print $1 }')" 10.1.0.3
  docker_on 1 start one
  pings 1 three 10.1.0.1
}
count_of_links() { [ "$(our_links 1 | wc -l)" = "$1" ]; }

@test "with live-restore containers keep their links while the engine restarts" {
  lab dockerd 1 restart --live-restore
  docker_on 1 start one two
  local before
  before=$(plumbing)
  lab dockerd 1 restart --live-restore
  equal "$(plumbing)" "$before"
  still_works
  lab dockerd 1 kill
  host_reaches_both
  lab dockerd 1 start --live-restore
  still_works
  equal "$(plumbing)" "$before"
  docker_on 1 rm --force one
  equal "$(our_links 1 | wc -l)" 1
  lab dockerd 1 restart
}

@test "engine and daemon restart together" {
  create_container 1 three mine --ip 10.1.0.3 --restart always
  lab dockerd 1 kill
  lab daemon 1 kill
  lab daemon 1 start
  lab dockerd 1 start
  wait_until 10 pings 1 three 192.0.2.1
  wait_until 10 count_of_links 1
}

@test "after a power cut containers come back with their addresses, and only those" {
  create_container 1 three mine --ip 10.1.0.3 --restart always
  lab kill 1
  lab boot 1
  wait_until 10 pings 1 three 192.0.2.1
  equal "$(our_routes 1 | awk '{ print $1 }')" 10.1.0.3
  docker_on 1 start one
  pings 1 three 10.1.0.1
  docker_on 1 network inspect mine >/dev/null
}

@test "without containers a power cut leaves the addresses free" {
  lab kill 1
  lab boot 1
  docker_on 1 rm --force one two
  create_container 1 new mine --ip 10.1.0.1
}
