#!/usr/bin/env bats
# Containers attached by CNI, with the plugin as a runtime calls it, beside containers of Docker. bats/tools/cni is the
# runtime, and a network namespace the container. The configurations are those of docs/cni.md.

load helpers

ROOT=$(dirname "$BATS_DIR")

setup_file() {
  lab_up 2
  local host
  for host in 1 2; do
    on $host mkdir -p /etc/cni/net.d
    on $host sh -c 'rm -f /etc/cni/net.d/*'
  done
  export CNI_PATH=$ROOT/bin/cni:/usr/lib/cni
}

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  # Whatever a failed test stopped; starting what runs fails and changes nothing.
  on 1 sh -c 'test -S /run/net-routed/cni.sock' || lab daemon 1 start
  clean
  local host
  for host in 1 2; do
    on $host env CNI_PATH="$CNI_PATH" TOOL="$BATS_DIR/tools/cni" sh -c '
      cd /run/cni-results && for result in */*/*; do
        [ ! -e "$result" ] || echo "$result" | { IFS=/ read -r network container interface; CNI_IFNAME=$interface "$TOOL" del "$network" "$container"; }
      done
      for network in $(cat /etc/cni/net.d/*.conf | jq -r .name); do "$TOOL" gc "$network"; done
      ! read -r servers </run/servers || kill $(cat /run/servers); rm -f /run/servers
      ip netns list | cut -d" " -f1 | xargs -rn1 ip netns delete
      rm -rf /etc/cni/net.d/* /run/cni-results' || :
  done
}

cni() { on "$1" "$BATS_DIR/tools/cni" "${@:2}"; }
# network K NAME JSON - a configuration with one plugin, ours.
network() { jq -nc --arg name "$2" --argjson conf "$3" '{ cniVersion: "1.1.0", name: $name, type: "net-routed" } + $conf' | on "$1" sh -c "cat >/etc/cni/net.d/$2.conf"; }
documented() { awk -v mark="<!-- example: $1 -->" '$0 == mark { wanted = 1 } wanted && /^```/ { if (inside) exit; inside = 1; next } inside' "$ROOT/docs/cni.md"; }
add() { # K NETWORK CONTAINER
  on "$1" ip netns add "$3"
  succeeds cni "$1" add "$2" "$3"
  address=$(jq -r '.ip4.ip // .ips[0].address | sub("/.*"; "")' <<<"$output")
}
del() { succeeds cni "$1" del "$2" "$3" && equal "$output" ''; }
reaches() { on "$1" ip netns exec "$2" ping -c 1 -W 2 "$3" >/dev/null; }
nothing_left() { equal "$(our_links "$1")$(our_routes "$1")" ''; }

@test "containers of two hosts reach each other, their hosts, and a container of Docker; afterwards nothing is left" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16","range":"10.1.1.0/24"}}'
  network 2 mine '{"ipam":{"subnet":"10.1.0.0/16","range":"10.1.2.0/24"}}'
  add 1 mine one
  local one=$address
  add 1 mine two
  local two=$address
  add 2 mine far
  local far=$address
  matches "$one $two $far" '^10\.1\.1\.[0-9]+ 10\.1\.1\.[0-9]+ 10\.1\.2\.[0-9]+$'
  equal "$(on 1 ip -n one -4 -o address show eth0 | awk '{ print $4 }')" "$one/32"
  wait_until 10 has_route 2 "$one"
  wait_until 10 has_route 1 "$far"
  create_network 1 docker 10.9.0.0/16
  create_container 1 three docker --ip 10.9.0.3
  local other
  for other in "$two" "$far" 192.0.2.1 192.0.2.2 10.9.0.3; do reaches 1 one "$other"; done
  pings 1 three "$one"
  docker_on 1 rm --force three
  del 1 mine one
  del 1 mine two
  del 2 mine far
  nothing_left 1
  nothing_left 2
}

@test "the daemon restarts: containers stay connected, DEL knows what ADD did" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16"}}'
  add 1 mine one
  add 1 mine two
  local verb
  for verb in restart kill; do
    lab daemon 1 $verb
    [ $verb = restart ] || reaches 1 one "$address"
    [ $verb = restart ] || lab daemon 1 start
    reaches 1 one "$address"
    succeeds cni 1 check mine one
  done
  del 1 mine one
  del 1 mine two
  nothing_left 1
}

@test "without the daemon: try again, in clear words, within seconds; what comes back succeeds" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16"}}'
  add 1 mine one
  lab daemon 1 stop
  on 1 ip netns add two
  local verb before=$SECONDS
  for verb in add del; do
    fails cni 1 $verb mine two
    shows '"code":11,"msg":"the daemon net-routed does not answer on /run/net-routed/cni.sock: .*; is the service running\?"'
  done
  fails cni 1 status mine
  shows '"code":50'
  below $((SECONDS - before)) 60
  lab daemon 1 start
  del 1 mine two
  succeeds cni 1 add mine two
  reaches 1 two "$address"
}

@test "an ADD while the daemon restarts waits for it" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16"}}'
  lab daemon 1 stop
  on 1 ip netns add one
  cni 1 add mine one >"$BATS_TEST_TMPDIR/result" &
  local adding=$!
  lab daemon 1 start
  wait $adding
  equal "$(jq -r '.interfaces[1].name' "$BATS_TEST_TMPDIR/result")" eth0
}

@test "an ADD whose runtime is killed meanwhile leaves nothing" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16"}}'
  add 1 mine warm
  del 1 mine warm
  on 1 ip netns add one
  on 1 sh -c 'kill -STOP $(cut -d" " -f1 /run/daemon.lab)'
  fails on 1 env CNI_PATH="$CNI_PATH" timeout -s KILL 1 "$BATS_DIR/tools/cni" add mine one
  on 1 sh -c 'pkill -KILL -x net-routed; kill -CONT $(cut -d" " -f1 /run/daemon.lab)'
  wait_until 10 endpoints_are 0
  nothing_left 1
  succeeds cni 1 add mine one
}
endpoints_are() { equal "$(on 1 "$ROOT/bin/net-routed" status --json | jq '.endpoints | length')" "$1"; }

@test "a host that lost its power has no containers: GC and DEL need nothing, addresses are free again" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/30"}}'
  add 1 mine one
  add 1 mine two
  lab kill 1
  lab boot 1
  del 1 mine one
  add 1 mine one
  succeeds cni 1 gc mine one
  reaches 1 one 192.0.2.1
  add 1 mine two
  reaches 1 two 192.0.2.1
}

# Nothing but the plugin: tools that think would take the daemon's time.
at_once() { # COMMAND COUNT
  on 1 sh -c "seq $2 | PATH=\$PATH CNI_COMMAND=$1 CNI_IFNAME=eth0 CNI_PATH=$CNI_PATH xargs -P $2 -I % env CNI_CONTAINERID=many% CNI_NETNS=/run/netns/many% \
    sh -c '$ROOT/bin/cni/net-routed </etc/cni/net.d/mine.conf'"
}

@test "200 containers at once, without an error, each with an address of its own" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16"}}'
  on 1 sh -c 'for n in $(seq 200); do ip netns add many$n; done'
  succeeds at_once ADD 200
  equal "$(jq -r '.ips[0].address' <<<"$output" | sort -u | wc -l)" 200
  equal "$(our_routes 1 | grep -c '^10\.1\.')" 200
  succeeds at_once DEL 200
  equal "$output" ''
  nothing_left 1
}

@test "host-local in place of our pools: addresses are routed, and given back after everything else" {
  network 1 local '{"ipam":{"type":"host-local","subnet":"10.5.0.0/24","dataDir":"/run/host-local"}}'
  add 1 local one
  equal "$address" 10.5.0.2
  equal "$(on 1 ls /run/host-local/local | grep -c '^10\.')" 1
  reaches 1 one 192.0.2.1
  network 1 local '{"ipam":{"type":"no-such-plugin"}}'
  del 1 local one
  equal "$(on 1 ls /run/host-local/local | grep -c '^10\.')" 0
  nothing_left 1
}

@test "two networks in one container, with IPv6 in one of them, and an address that was asked for" {
  network 1 mine '{"ipam":{"subnets":[{"subnet":"10.1.0.0/16"},{"subnet":"fd00:1::/64"}]},"capabilities":{"ips":true,"mac":true}}'
  network 1 more '{"ipam":{"subnet":"10.2.0.0/16"}}'
  on 1 ip netns add one
  RUNTIME_CONFIG='{"ips":["10.1.0.77","fd00:1::77/64"],"mac":"02:00:00:00:00:77"}' succeeds cni 1 add mine one
  equal "$(jq -c '[.ips[].address]' <<<"$output")" '["10.1.0.77/32","fd00:1::77/128"]'
  CNI_IFNAME=net1 CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAME=x;IP=10.2.0.9' succeeds cni 1 add more one
  add 1 mine two
  add 1 more three
  equal "$(on 1 ip -n one -j link show eth0 | jq -r '.[0].address')" 02:00:00:00:00:77
  local name
  for name in two three; do
    reaches 1 one "$(on 1 ip -n $name -4 -o address show eth0 | awk '{ print $4 }' | cut -d/ -f1)"
  done
  reaches 1 two fd00:1::77
  reaches 1 three 10.2.0.9
}

# serve K CONTAINER PORT - answers with the container's name and the client's address.
serve() {
  on "$1" sh -c "setsid ip netns exec $2 node $BATS_DIR/tools/answer.mjs $3 $2 >/dev/null 2>&1 </dev/null & echo \$! >>/run/servers"
  wait_until 20 on "$1" sh -c "ip netns exec $2 ss -ltun | grep -q ':$3 '"
}
# answers K ADDRESS PORT LINE, answers_in K CONTAINER ADDRESS PORT LINE
answers() { equal "$(on "$1" busybox nc -w 5 "$2" "$3" </dev/null)" "$4"; }
answers_in() { equal "$(on "$1" ip netns exec "$2" busybox nc -w 5 "$3" "$4" </dev/null)" "$5"; }

@test "flaw 5, published ports: from elsewhere, from the host, from containers and from itself, by IPv4 and IPv6" {
  network 1 mine '{"ipam":{"subnets":[{"subnet":"10.1.0.0/16"},{"subnet":"fd00:1::/64"}]},"capabilities":{"portMappings":true}}'
  on 1 ip netns add one
  RUNTIME_CONFIG='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":8081,"containerPort":80,"protocol":"tcp","hostIP":"192.0.2.1"}]}' \
    succeeds cni 1 add mine one
  add 1 mine two
  serve 1 one 80
  answers 2 192.0.2.1 8080 'one 192.0.2.2'
  answers 2 2001:db8::1 8080 'one 2001:db8::2'
  answers 2 192.0.2.1 8081 'one 192.0.2.2'
  answers 1 192.0.2.1 8080 'one 192.0.2.1'
  answers 1 127.0.0.1 8080 'one 192.0.2.1'
  answers 1 ::1 8080 'one 2001:db8::1'
  answers_in 1 two 192.0.2.1 8080 "one $address"
  # What only passes the host, to the same port of somebody else, is let alone.
  serve 1 two 8080
  answers 2 "$address" 8080 'two 192.0.2.2'
  # What it sends to itself comes from the host.
  answers_in 1 one 192.0.2.1 8080 'one 192.0.2.1'
  answers_in 1 one 2001:db8::1 8080 'one 2001:db8::1'
  lab daemon 1 restart
  answers 2 192.0.2.1 8080 'one 192.0.2.2'
  on 1 nft delete table inet net-routed-ports
  wait_until 10 answers 2 192.0.2.1 8080 'one 192.0.2.2'
  RUNTIME_CONFIG='{"portMappings":[{"hostPort":8080,"containerPort":81,"protocol":"tcp"}]}' fails cni 1 add mine three
  on 1 ip netns add three
  RUNTIME_CONFIG='{"portMappings":[{"hostPort":8080,"containerPort":81,"protocol":"tcp"}]}' fails cni 1 add mine three
  shows 'tcp port 8080 belongs to endpoint cni:mine:one:eth0 already'
  del 1 mine one
  fails on 2 busybox nc -w 2 192.0.2.1 8080
  fails on 1 nft list table inet net-routed-ports
  del 1 mine two
  nothing_left 1
}

@test "bandwidth is ours: the plugin of that name can be left out" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16"},"capabilities":{"bandwidth":true}}'
  on 1 ip netns add one
  RUNTIME_CONFIG='{"bandwidth":{"ingressRate":20000000,"ingressBurst":400000,"egressRate":10000000,"egressBurst":0}}' \
    succeeds cni 1 add mine one
  equal "$(on 1 tc qdisc show | grep -c 'qdisc tbf')" 2
  succeeds on 1 tc qdisc show
  shows 'qdisc tbf .* dev nr-[0-9a-f]+ root .*rate 20911Kbit burst (49999|50000)b'
  shows 'qdisc tbf .* dev ni-[0-9a-f]+ root .*rate 10455Kbit burst 16'
  succeeds cni 1 check mine one
  del 1 mine one
  fails on 1 sh -c 'tc qdisc show | grep -E "tbf|ingress"'
  nothing_left 1
}

@test "a published UDP port answers from the port that was asked" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16"},"capabilities":{"portMappings":true}}'
  on 1 ip netns add one
  RUNTIME_CONFIG='{"portMappings":[{"hostPort":5353,"containerPort":53,"protocol":"udp"}]}' succeeds cni 1 add mine one
  serve 1 one 53
  wait_until 10 udp_answers
}
udp_answers() { equal "$(on 2 node "$BATS_DIR/tools/ask.mjs" 192.0.2.1 5353)" 'one 192.0.2.2'; }

@test "docs/cni.md: the list for containerd, with ctr" {
  command -v ctr >/dev/null || skip 'ctr is not installed'
  documented containerd | on 1 sh -c "cat >/etc/cni/net.d/10-routed.conflist; install -D -t /opt/cni/bin /usr/lib/cni/* $ROOT/bin/cni/*"
  docker_on 1 save busybox | ctr_on 1 images import - >/dev/null
  succeeds ctr_on 1 run --rm --cni docker.io/library/busybox:latest one sh -c 'ip -o addr; ping -c 1 -W 2 192.0.2.1'
  shows 'eth0 +inet 10\.2\.1\.[0-9]+/32'
  shows 'eth0 +inet6 fd00:2::[0-9a-f]+/128'
  shows '1 packets received'
  nothing_left 1
}
ctr_on() { on "$1" ctr --address /run/docker/containerd/containerd.sock "${@:2}"; }

@test "docs/cni.md: the list for Nomad, as Nomad calls it" {
  documented nomad | on 1 sh -c 'cat >/etc/cni/net.d/routed.conflist'
  local allocation=0d3ff9e6-5ee2-4a3d-b9c4-1d2f6d3b5b0e
  on 1 ip netns add $allocation
  CNI_ARGS='IgnoreUnknown=true' \
    RUNTIME_CONFIG='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' succeeds cni 1 add routed $allocation
  address=$(jq -r '.ips[] | select(.address | startswith("10.3.1.")).address' <<<"$output")
  matches "$address" '^10\.3\.1\.[0-9]+/32$'
  serve 1 $allocation 80
  answers 2 192.0.2.1 8080 "$allocation 192.0.2.2"
  succeeds cni 1 check routed $allocation
  succeeds cni 1 del routed $allocation
  nothing_left 1
}

@test "docs/cni.md: the configuration for Mesos, as its isolator calls it" {
  documented mesos | on 1 sh -c 'cat >/etc/cni/net.d/routed.conf'
  local conf
  conf=$(documented mesos | jq -c '. + { args: { "org.apache.mesos": { network_info: { name: "routed", labels: { labels: [{ key: "app", value: "myapp" }] } } } } }')
  on 1 sh -c "echo '$conf' >/etc/cni/net.d/routed.conf"
  add 1 routed 6d5cf0d1-2e5d-4c6a-9d7b-3b6b7e3a9a11
  matches "$(jq -r .ip4.ip <<<"$output")" '^10\.4\.1\.[0-9]+/32$'
  equal "$(jq -r .cniVersion <<<"$output")" 0.2.0
  on 1 ping -c 1 -W 2 "$address"
  del 1 routed 6d5cf0d1-2e5d-4c6a-9d7b-3b6b7e3a9a11
}

# mesos_conf K PORT_MAPPINGS - the documented configuration with what Mesos adds.
mesos_conf() {
  documented mesos-cni-port-mapper | jq -c --argjson mappings "$2" '. + { args: { "org.apache.mesos": { network_info: {
    name: .name, labels: { labels: [{ key: "app", value: "myapp" }] }, port_mappings: $mappings } } } }' |
    on "$1" sh -c 'cat >/etc/cni/net.d/mapper.conf'
}

@test "docs/cni.md: the configuration of mesos-cni-port-mapper, word for word" {
  mesos_conf 1 '[{"host_port":8080,"container_port":80},{"host_port":8081,"container_port":443,"protocol":"udp"}]'
  # Docker's own policy would drop what goes to a foreign bridge.
  on 1 iptables -P FORWARD ACCEPT
  add 1 port-mapper-test one
  matches "$address" '^192\.168\.'
  serve 1 one 80
  answers 2 192.0.2.1 8080 'one 192.0.2.2'
  answers 1 192.0.2.1 8080 'one 192.0.2.1'
  mesos_conf 1 '[{"host_port":9090,"container_port":80}]'
  add 1 port-mapper-test two
  # mesos-cni0 is excluded: from there the host itself is meant.
  fails on 1 ip netns exec two busybox nc -w 2 192.168.0.1 8080
  mesos_conf 1 '[{"host_port":8080,"container_port":80}]'
  on 1 ip netns add three
  fails cni 1 add port-mapper-test three
  shows '"code":103,"msg":"tcp port 8080 belongs to endpoint'
  equal "$(on 1 ls /var/lib/cni/networks/port-mapper-test | grep -c '^192')" 2
  lab daemon 1 restart
  answers 2 192.0.2.1 8080 'one 192.0.2.2'
  del 1 port-mapper-test one
  fails on 2 busybox nc -w 2 192.0.2.1 8080
  on 1 ip netns del two
  del 1 port-mapper-test two
  del 1 port-mapper-test two
  equal "$(on 1 ls /var/lib/cni/networks/port-mapper-test | grep -c '^192')" 0
  fails on 1 nft list table inet net-routed-ports
  on 1 ip link del mesos-cni0
}

@test "docs/cni.md: the configuration of dcos-l4lb: legs, routes, registration, and nothing left" {
  documented dcos-l4lb | on 1 sh -c 'cat >/etc/cni/net.d/spartan.conf'
  # The name service has its addresses on the host.
  on 1 sh -c 'ip link add spartan type veth peer name spartan1; ip link set spartan up; for n in 1 2 3; do ip address add 198.51.100.$n/32 dev spartan; done'
  add 1 spartan-net one
  matches "$address" '^192\.168\.30\.'
  equal "$(on 1 cat /var/run/dcos/cni/l4lb/one)" /run/netns/one
  succeeds on 1 ip -n one route show dev spartan
  local leg number
  leg=$(on 1 ip -n one -4 -o address show spartan | awk '{ print $4 }')
  equal "$leg" 198.51.100.10/32
  for number in 1 2 3 4; do shows "^198.51.100.$number scope link src 198.51.100.10 ?$"; done
  equal "$(on 1 ip -n one -br link show minuteman | awk '{ print $1 }')" minuteman
  shows_route 198.51.100.10
  for number in 1 2 3; do reaches 1 one 198.51.100.$number; done
  lab daemon 1 restart
  reaches 1 one 198.51.100.2
  del 1 spartan-net one
  equal "$(on 1 ip -n one -o link | grep -cE 'spartan|minuteman')" 0
  fails on 1 ls /var/run/dcos/cni/l4lb/one
  equal "$(on 1 sh -c 'ls -d /var/lib/cni/networks/spartan-net*/*' | grep -c '/1[0-9.]*$')" 0
  add 1 spartan-net two
  on 1 ip netns del two
  del 1 spartan-net two
  del 1 spartan-net two
  nothing_left 1
  on 1 sh -c 'ip link del sprt-cni0; ip link del spartan'
}
@test "dcos-l4lb around mesos-cni-port-mapper around bridge, as DC/OS tests itself" {
  documented dcos-l4lb | jq -c '.delegate = { type: "mesos-cni-port-mapper", excludeDevices: ["sprt-cni0"], chain: "spartan-net", delegate: .delegate }
    | . + { args: { "org.apache.mesos": { network_info: { port_mappings: [{ host_port: 8080, container_port: 80 }] } } } }' |
    on 1 sh -c 'cat >/etc/cni/net.d/spartan.conf'
  on 1 iptables -P FORWARD ACCEPT
  add 1 spartan-net one
  serve 1 one 80
  # The container has no route to the other host.
  on 1 ip -n one route add 192.0.2.0/24 via 192.168.30.1
  answers 2 192.0.2.1 8080 'one 192.0.2.2'
  equal "$(on 1 cat /var/run/dcos/cni/l4lb/one)" /run/netns/one
  del 1 spartan-net one
  nothing_left 1
  fails on 1 nft list table inet net-routed-ports
  equal "$(on 1 sh -c 'ls -d /var/lib/cni/networks/spartan-net*/*' | grep -c '/1[0-9.]*$')" 0
  on 1 ip link del sprt-cni0
}
shows_route() { succeeds on 1 ip route show "$1" && shows "^$1 dev nr-[0-9a-f]+ .*scope link"; }

@test "docs/cni.md: the plugin, its socket and its rights are installed where it says" {
  succeeds env DESTDIR="$BATS_TEST_TMPDIR/root" "$ROOT/systemd/install" --cni
  succeeds env CNI_COMMAND=VERSION "$BATS_TEST_TMPDIR/root/opt/cni/bin/net-routed"
  local units=$BATS_TEST_TMPDIR/root/etc/systemd/system
  [ -e "$units/net-routed-cni.socket" ]
  grep -q CAP_SYS_ADMIN "$units/net-routed.service.d/cni.conf"
  run ! grep -q CAP_SYS_ADMIN "$units/net-routed.service"
}

@test "options of the network and of one container: policy, rates, more addresses, as Docker's containers have them" {
  network 1 mine '{"ipam":{"subnet":"10.1.0.0/16"},"options":{"net-routed.ingress":"tcp/80","net-routed.rate-out":"10mbit"}}'
  on 1 ip netns add one
  on 1 ip netns add two
  succeeds cni 1 add mine one
  network 1 other '{"ipam":{"subnet":"10.2.0.0/16"},"args":{"cni":{"options":{"net-routed.addresses":"10.2.0.50,fd00:2::50","net-routed.egress":"10.1.0.0/16:tcp/80"}}}}'
  succeeds cni 1 add other two
  local one
  one=$(on 1 ip -n one -4 -o address show eth0 | awk '{ print $4 }' | cut -d / -f 1)
  on 1 ip -n two -o address show eth0 | grep -q 'inet6 fd00:2::50/128'
  on 1 sh -c 'for port in 80 81; do ip netns exec one busybox nc -ll -p $port -e echo served >/dev/null 2>&1 & done' 3>&-
  wait_until 5 asks_from two "$one" 80
  not asks_from two "$one" 81
  # From an address that was added: the egress list is of the whole container, the ingress list of the other one, too.
  on 1 ip netns exec two ping -c 1 -W 1 -I 10.2.0.50 "$one" && return 1
  succeeds on 1 "$ROOT/bin/net-routed" status
  shows 'out 10mbit'
  shows '10\.2\.0\.50/32'
  lab daemon 1 restart
  asks_from two "$one" 80
  not asks_from two "$one" 81
  on 1 pkill -f 'nc -ll -p 8'
  del 1 mine one
  del 1 other two
  nothing_left 1
  fails on 1 nft list table inet net-routed-policy
}
asks_from() { equal "$(on 1 ip netns exec "$1" busybox nc -w 2 "$2" "$3" </dev/null)" served; }

@test "portmap, bandwidth and firewall of the reference plugins work after us in a list" {
  local plugins='[{"type":"net-routed","ipam":{"subnet":"10.1.0.0/16"}},{"type":"portmap","capabilities":{"portMappings":true}},
    {"type":"firewall"},{"type":"bandwidth","capabilities":{"bandwidth":true}}]'
  jq -nc --argjson plugins "$plugins" '{ cniVersion: "0.4.0", name: "chain", plugins: $plugins }' | on 1 sh -c 'cat >/etc/cni/net.d/chain.conflist'
  local repairs
  repairs=$(count_repairs)
  on 1 ip netns add one
  # A runtime hands it to every command; the plugin bandwidth breaks at CHECK without.
  export RUNTIME_CONFIG='{"portMappings":[{"hostPort":8088,"containerPort":80,"protocol":"tcp"}],
    "bandwidth":{"ingressRate":20000000,"ingressBurst":400000,"egressRate":10000000,"egressBurst":400000}}'
  succeeds cni 1 add chain one
  local one
  one=$(jq --raw-output '.ips[0].address | sub("/.*"; "")' <<<"$output")
  on 1 ping -c 1 -W 1 "$one"
  on 1 sh -c 'ip netns exec one busybox nc -ll -p 80 -e echo served >/dev/null 2>&1 & echo $! >/run/servers' 3>&-
  wait_until 5 published_answers
  on 1 sh -c 'tc qdisc show' | grep -q 'tbf .* rate 20Mbit'
  # What they have done to our link is theirs; what portmap asks at CHECK of a container without IPv6 is never there.
  equal "$(count_repairs)" "$repairs"
  equal "$(on 1 busybox nc -w 2 127.0.0.1 8088 </dev/null)" served
  succeeds cni 1 del chain one
  succeeds cni 1 del chain one
  nothing_left 1
}
published_answers() { equal "$(on 2 busybox nc -w 2 192.0.2.1 8088 </dev/null)" served; }
count_repairs() { grep -c '"message":"repair"' "$LAB/h1/daemon.log" || :; }
