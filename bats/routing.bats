#!/usr/bin/env bats
# Routes of containers reach every host, by FRR and by BIRD, and nothing else does.

load helpers

setup_file() {
  BIRD=3 lab_up 3
  local host
  for host in 1 2 3; do create_network $host mine 10.1.0.0/16; done
}
# The networks stay for all tests.
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  local host
  for host in 1 2 3; do on $host sh -c 'docker ps -aq | xargs -r docker rm -f' >/dev/null; done
}

# One container on each host, known to all.
start_three() {
  local host other
  for host in 1 2 3; do create_container $host "c$host" mine --ip 10.1.0.$host "$@"; done
  for host in 1 2 3; do
    for other in 1 2 3; do wait_until 10 has_route $host 10.1.0.$other; done
  done
}

foreign_routes() { on "$1" sh -c 'ip route show proto ospf; ip route show proto bird' | sed 's/ .*//' | grep -v '^192\.0\.2\.0/24$' | sort | xargs; }
foreign_routes_are() { [ "$(foreign_routes "$1")" = "$2" ]; }

@test "containers of three hosts, two with FRR and one with BIRD, reach each other" {
  start_three
  local host other
  for host in 1 2 3; do
    for other in 1 2 3; do [ $host = $other ] || pings $host c$host 10.1.0.$other; done
  done
}

# BIRD computes at its tick of one second, and of two changes within a second it hears the second when it is sent again.
@test "a route is elsewhere at once after the start, and gone at once after the end" {
  create_container 1 c1 mine --ip 10.1.0.1
  wait_until 2 has_route 2 10.1.0.1
  wait_until 20 has_route 3 10.1.0.1
  docker_on 1 rm --force c1
  wait_until 2 not has_route 2 10.1.0.1
  wait_until 20 not has_route 3 10.1.0.1
}

@test "a route that comes and goes travels each time at once" {
  for _ in 1 2 3; do
    create_container 1 c1 mine --ip 10.1.0.1
    wait_until 2 has_route 2 10.1.0.1
    docker_on 1 rm --force c1
    wait_until 2 not has_route 2 10.1.0.1
  done
}

@test "an address that moves to another host is reached there" {
  create_container 3 c3 mine --ip 10.1.0.3
  create_container 1 moving mine --ip 10.1.0.9
  wait_until 20 pings 3 c3 10.1.0.9
  docker_on 1 rm --force moving
  create_container 2 moving mine --ip 10.1.0.9
  wait_until 20 pings 3 c3 10.1.0.9
  succeeds on 3 ip route show 10.1.0.9
  shows 'via 192\.0\.2\.2'
}

@test "only the routes of containers leave a host (flaw 8)" {
  start_three
  on 1 sh -c 'ip route add 172.31.0.0/24 dev eth0; ip route add 10.77.0.0/16 dev eth0 proto 200; ip route add blackhole 198.51.100.1'
  create_container 1 last mine --ip 10.1.0.4
  # What the tests before have withdrawn may still be on its way out of BIRD.
  wait_until 20 foreign_routes_are 2 '10.1.0.1 10.1.0.3 10.1.0.4'
  wait_until 20 foreign_routes_are 3 '10.1.0.1 10.1.0.2 10.1.0.4'
  on 1 sh -c 'ip route del 172.31.0.0/24; ip route del 10.77.0.0/16; ip route del 198.51.100.1'
}

@test "a stopped daemon withdraws nothing" {
  start_three
  lab daemon 1 stop
  pings 3 c3 10.1.0.1
  pings 1 c1 10.1.0.2
  lab daemon 1 start
  pings 3 c3 10.1.0.1
}

@test "the containers of a host that loses power come back with their routes" {
  start_three --restart always
  lab kill 2
  wait_until 15 not has_route 1 10.1.0.2
  lab boot 2
  wait_until 20 pings 1 c1 10.1.0.2
  wait_until 20 pings 3 c3 10.1.0.2
  equal "$(our_links 2 | wc -l)" 1
}
