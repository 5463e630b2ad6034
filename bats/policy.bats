#!/usr/bin/env bats
# Policies with Docker: what docs/policy.md shows, the ancestor's key, restarts, and what goes wrong. Every pair of random lists
# is in test/netns.

load helpers

ROOT=$(dirname "$BATS_DIR")

setup_file() { lab_up 2; }

# shown NAME - runs an example of the document on host 1.
shown() { example "$1" "$ROOT/docs/policy.md" | on 1 bash -euo pipefail -s >/dev/null; }
status_of() { on 1 "$ROOT/bin/net-routed" status "$@"; }
link_of() { status_of --json | jq -r ".endpoints[] | select(.addresses[0] == \"$1/32\") | .link"; }

# reaches K CONTAINER ADDRESS PORT; refused is at once and said so.
reaches() { run_in "$1" "$2" sh -c "echo | nc -w 5 $3 $4" | grep -q .; }
refused() {
  succeeds run_in "$1" "$2" sh -c "nc -w 5 $3 $4 </dev/null 2>&1; true"
  shows 'refused'
}
# serving K NAME NETWORK [FLAG...] - answers on TCP port 80.
serving() { docker_on "$1" run -d --name "$2" --net "$3" "${@:4}" busybox nc -ll -p 80 -e echo "$2" >/dev/null; }

@test "a network's list holds for its containers, and a container's own comes before it" {
  shown network
  create_container 1 near inner --ip 10.1.0.30
  create_container 1 far inner --ip 10.1.9.30
  wait_until 5 reaches 1 near 10.1.0.10 5432
  refused 1 far 10.1.0.10 5432
  pings 1 far 10.1.0.10
  wait_until 5 reaches 1 far 10.1.1.20 80
  refused 1 near 10.1.1.20 81
}

@test "a list is changed and taken away with the commands as shown" {
  shown network
  create_container 1 far inner --ip 10.1.9.30
  wait_until 5 on 1 sh -c 'echo | nc -w 5 10.1.0.10 5432 | grep -q database'
  refused 1 far 10.1.0.10 5432
  local change undo
  { read -r change; read -r undo; } < <(example set "$ROOT/docs/policy.md")
  succeeds on 1 sh -c "PATH='$ROOT/bin':\$PATH; $change"
  reaches 1 far 10.1.0.10 5432
  succeeds on 1 sh -c "PATH='$ROOT/bin':\$PATH; $undo"
  refused 1 far 10.1.0.10 5432
}

@test "the host reaches a container whatever its list says" {
  create_network 1 mine 10.1.0.0/16 -o net-routed.ingress=none
  serving 1 one mine --ip 10.1.0.1
  wait_until 5 on 1 sh -c 'echo | nc -w 5 10.1.0.1 80 | grep -q one'
}

@test "with default deny a container has what its lists allow, and nothing else" {
  shown network
  shown closed
  create_container 1 stranger inner --ip 10.1.0.40
  # The database's own list has 10.1.0.0/24 only.
  refused 1 worker 10.1.0.10 5432
  docker_on 1 rm -f database
  docker_on 1 run -d --name database --ip 10.1.0.10 --network 'name=inner,driver-opt=net-routed.ingress=' \
    busybox nc -ll -p 5432 -e echo database
  wait_until 5 reaches 1 worker 10.1.0.10 5432
  wait_until 5 reaches 1 worker 10.1.1.20 80
  refused 1 worker 10.1.1.20 81
  refused 1 worker 192.0.2.1 22
  fails pings 1 worker 10.1.0.10
  pings 1 stranger 10.2.0.20
}

@test "a name is allowed as DNS has it, follows it, and stays while DNS is silent, also over a restart" {
  on 1 sh -c 'echo nameserver 127.0.0.1 >/etc/resolv.conf; echo 192.0.2.2 >/tmp/answer'
  on 1 sh -c "exec node '$BATS_DIR/tools/dns.mjs' registry.example.com /tmp/answer >/dev/null 2>&1 & echo \$! >/tmp/dns.pid"
  on 2 ip addr add 192.0.2.99/24 dev eth0
  on 2 sh -c "exec node '$BATS_DIR/tools/answer.mjs' 443 secure >/dev/null 2>&1 & echo \$! >/tmp/answer.pid"
  shown name
  wait_until 10 reaches 1 fetcher 192.0.2.2 443
  refused 1 fetcher 192.0.2.99 443
  on 1 sh -c 'echo 192.0.2.99 >/tmp/answer'
  wait_until 20 reaches 1 fetcher 192.0.2.99 443
  refused 1 fetcher 192.0.2.2 443
  on 1 sh -c ': >/tmp/answer'
  name_failed() { on 1 curl -s --unix-socket /run/docker/plugins/net-routed.sock http://localhost/metrics |
    grep -qE '^net_routed_name_failures_total [1-9]'; }
  wait_until 40 name_failed
  succeeds status_of
  shows '^  out: registry\.example\.com:tcp/443$'
  reaches 1 fetcher 192.0.2.99 443
  lab daemon 1 restart
  reaches 1 fetcher 192.0.2.99 443
  on 1 sh -c 'kill $(cat /tmp/dns.pid); : >/etc/resolv.conf'
  on 2 sh -c 'kill $(cat /tmp/answer.pid); ip addr del 192.0.2.99/24 dev eth0'
}

@test "the ancestor's key is taken as it was, with IPv6, in docker network connect" {
  create_network 1 mine 10.1.0.0/16 --ipv6 --subnet fd00::/64
  create_container 1 friend mine --ip 10.1.0.5 --ip6 fd00::5
  create_container 1 stranger mine --ip 10.1.0.6 --ip6 fd00::6
  docker_on 1 create --name one --network none busybox nc -ll -p 80 -e echo one >/dev/null
  docker_on 1 network disconnect none one
  docker_on 1 network connect --ip 10.1.0.1 --ip6 fd00::1 \
    --driver-opt 'com.medallia.routed.network.ingressAllowed=10.1.0.3 - 10.1.0.5; fd00::4/127' mine one
  docker_on 1 start one
  wait_until 5 reaches 1 friend 10.1.0.1 80
  wait_until 5 reaches 1 friend fd00::1 80
  refused 1 stranger 10.1.0.1 80
  refused 1 stranger fd00::1 80
  pings 1 stranger fd00::1
}

@test "a list that is wrong is refused with the item, and nothing stays" {
  create_network 1 mine 10.1.0.0/16
  fails docker_on 1 run --rm --network 'name=mine,driver-opt=net-routed.ingress=10.1.0.1;1.1.1.1.1' busybox true
  shows 'net-routed.ingress: "1.1.1.1.1" is not an address, prefix or range'
  fails create_network 1 other 10.2.0.0/16 -o net-routed.default=no
  shows 'net-routed.default: "no" is not one of accept, deny, deny-ingress, deny-egress'
  equal "$(our_links 1)" ''
  fails on 1 nft list table inet net-routed-policy
}

@test "what was accepted and denied is counted for each container" {
  create_network 1 mine 10.1.0.0/16
  serving 1 one mine --ip 10.1.0.1
  docker_on 1 run -d --name two --ip 10.1.0.2 --network name=mine,driver-opt=net-routed.egress=10.1.0.1:tcp/80 \
    busybox sleep 1000000
  wait_until 5 reaches 1 two 10.1.0.1 80
  refused 1 two 10.1.0.1 81
  succeeds status_of
  shows '^POLICY +IN ACCEPTED +IN DENIED +OUT ACCEPTED +OUT DENIED$'
  shows "^$(link_of 10.1.0.2) +0 +0 +[1-9][0-9]* +1$"
  succeeds on 1 curl -s --unix-socket /run/docker/plugins/net-routed.sock http://localhost/metrics
  shows "^net_routed_policy_packets_total\{link=\"$(link_of 10.1.0.2)\",direction=\"egress\",verdict=\"denied\"\} 1$"
  shows "^net_routed_policy_bytes_total\{.*direction=\"egress\",verdict=\"accepted\"\} [1-9]"
}

@test "a list stays over restarts of the daemon, is repaired, and goes with its container" {
  create_network 1 mine 10.1.0.0/16 -o net-routed.ingress=10.1.0.5
  serving 1 one mine --ip 10.1.0.1
  create_container 1 friend mine --ip 10.1.0.5
  create_container 1 stranger mine --ip 10.1.0.6
  wait_until 5 reaches 1 friend 10.1.0.1 80
  local before
  before=$(on 1 nft -a list table inet net-routed-policy | grep -v counter)
  lab daemon 1 stop
  refused 1 stranger 10.1.0.1 80
  lab daemon 1 start
  equal "$(on 1 nft -a list table inet net-routed-policy | grep -v counter)" "$before"
  reaches 1 friend 10.1.0.1 80
  on 1 nft flush ruleset
  wait_until 5 on 1 nft list table inet net-routed-policy
  refused 1 stranger 10.1.0.1 80
  reaches 1 friend 10.1.0.1 80
  clean
  fails on 1 nft list table inet net-routed-policy
}

@test "a list changes while the container runs" {
  create_network 1 mine 10.1.0.0/16
  serving 1 one mine --ip 10.1.0.1
  create_container 1 friend mine --ip 10.1.0.5
  wait_until 5 reaches 1 friend 10.1.0.1 80
  succeeds on 1 "$ROOT/bin/net-routed" set --endpoint 10.1.0.1 net-routed.ingress=10.1.0.6
  refused 1 friend 10.1.0.1 80
  succeeds on 1 "$ROOT/bin/net-routed" set --endpoint 10.1.0.1 net-routed.ingress=10.1.0.5,10.1.0.6:tcp/80
  reaches 1 friend 10.1.0.1 80
  succeeds on 1 "$ROOT/bin/net-routed" set --network "$(docker_on 1 network inspect -f '{{.Id}}' mine)" net-routed.default=deny
  refused 1 friend 10.1.0.1 80
  succeeds on 1 "$ROOT/bin/net-routed" set --endpoint 10.1.0.5 net-routed.egress=10.1.0.1
  reaches 1 friend 10.1.0.1 80
  fails on 1 "$ROOT/bin/net-routed" set --endpoint 10.1.0.1 net-routed.ingress=10.1.0.300
  shows 'net-routed.ingress: "10.1.0.300" is not an address, prefix or range'
  reaches 1 friend 10.1.0.1 80
}
