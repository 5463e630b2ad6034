#!/usr/bin/env bats
# Run by vm.bats inside the virtual machine, under systemd, with Debian's docker.service. $IMAGE is the archive of the
# plugin's image.

CREATE='network create --internal --driver=net-routed --ipam-driver=ipam-routed --subnet 10.1.0.0/16'

setup_file() {
  [ -n "$VM" ]
  systemctl start docker
  docker load --quiet --input "$IMAGE"
  mkdir "$BATS_FILE_TMPDIR/bin"
  cp "$(command -v busybox)" "$BATS_FILE_TMPDIR/bin/"
  for applet in sh sleep ping ip arp nc sed; do ln -s busybox "$BATS_FILE_TMPDIR/bin/$applet"; done
  tar -C "$BATS_FILE_TMPDIR" -c bin | docker import - alpine
}

teardown() {
  [ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
  docker logs --tail 5 plugin || :
  journalctl --no-pager -n 10 -u net-routed || :
  docker rm -f server || :
  docker network rm test || :
  docker rm -f plugin || :
}

start_plugin() {
  docker run -d --name plugin --privileged --net=host \
    -v /run/docker/plugins:/run/docker/plugins -v /var/lib/net-routed:/var/lib/net-routed \
    routed-plugin --gateway 10.100.0.1 --mtu 9000
  # Docker itself waits 15 s for a plugin; an emulated machine that shares its processors may need longer to start one.
  local deadline=$((SECONDS + 90))
  until docker logs plugin 2>&1 | grep -q '"ready"'; do
    [ "$SECONDS" -lt "$deadline" ]
    sleep 0.5
  done
  # shellcheck disable=SC2086 # a list of words
  docker $CREATE test
}

stop_plugin() {
  docker network rm test
  docker stop plugin
  docker rm plugin
  [ -z "$(ls -A /run/docker/plugins)" ]
}

@test "a --privileged plugin container gives containers address, gateway, MTU, each other and no other neighbours" {
  start_plugin
  docker run -d --name server --net=test --ip=10.1.1.1 alpine nc -l -p 9999
  run docker run --rm --net=test --ip=10.1.2.3 alpine sh -c '
    ip addr; ip route
    echo foo | nc -w 5 10.1.1.1 9999 && echo sent
    (ping -c 1 -W 1 8.8.8.8; ping -c 1 -W 1 10.1.1.1) >/dev/null
    echo neighbours: $(arp -an | sed "s/ at .*//")'
  echo "$output"
  [[ $output == *'mtu 9000'*'inet 10.1.2.3/32 '*'default via 10.100.0.1 dev eth0'*sent*'neighbours: ? (10.100.0.1)' ]]
  run docker logs server
  [ "$output" = foo ]
  docker rm -f server
  stop_plugin
}

@test "the units: sockets start the service, it is ready, containers reach each other, also after a crash" {
  "$REPO/systemd/install"
  echo 'NET_ROUTED_GATEWAY=10.100.0.1' >/etc/default/net-routed
  systemctl enable net-routed
  systemctl start net-routed.socket ipam-routed.socket
  [ "$(stat -c '%a %U' /run/docker/plugins/net-routed.sock /run/docker/plugins/ipam-routed.sock | sort -u)" = '600 root' ]
  # shellcheck disable=SC2086
  docker $CREATE test
  [ "$(systemctl is-active net-routed)" = active ]
  docker run -d --name server --net=test --ip=10.1.1.1 alpine sleep 10000
  docker run --rm --net=test alpine ping -c 1 -W 5 10.1.1.1

  systemctl kill --signal KILL net-routed
  docker run --rm --net=test alpine ping -c 1 -W 5 10.1.1.1
  docker rm -f server
  docker network rm test
  [ "$(systemctl show -P NRestarts net-routed)" = 1 ]
}

# eventually SECONDS CMD...
eventually() {
  local deadline=$((SECONDS + $1))
  until "${@:2}"; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "not within $1 s: ${*:2}" >&2; return 1; }
    sleep 0.2
  done
}
link_to() { ip route show "$1" | grep -oE 'nr-[0-9a-f]{12}'; }
# as_asked ADDRESS - whether the kernel has everything that net-routed wants, with IPv6.
as_asked() {
  local link
  link=$(link_to "$1") &&
    [ "$(sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding "net.ipv6.conf.$link.disable_ipv6" | xargs)" = '1 1 0' ] &&
    iptables -S NET-ROUTED | grep -q -- '-i nr-+ .*ACCEPT' &&
    nft get element inet net-routed sources4 "{ $link . $1 }" >/dev/null &&
    /usr/local/bin/net-routed status | grep -q ' 0 faults, 0 broken'
}
routed() { [ -n "$(link_to "$1")" ]; }

@test "the units: the little that the service may do is enough, also to repair" {
  [ "$(awk '/^CapBnd/ { print $2 }' "/proc/$(systemctl show -P MainPID net-routed)/status")" = 0000000000001000 ]
  sysctl -w net.ipv6.conf.all.forwarding=0
  # shellcheck disable=SC2086
  docker $CREATE --ipv6 --subnet fd00:1::/64 test
  docker run -d --name server --net=test --ip=10.1.1.1 --ip6=fd00:1::1 alpine sleep 10000
  as_asked 10.1.1.1
  ping -c 1 -W 5 fd00:1::1
  ip route del 10.1.1.1
  eventually 10 routed 10.1.1.1
  nft delete table inet net-routed
  iptables -F NET-ROUTED
  sysctl -w net.ipv4.ip_forward=0
  eventually 60 as_asked 10.1.1.1
  docker rm -f server
  docker network rm test
  run journalctl --no-pager -u net-routed
  [[ $output != *EPERM* && $output != *EACCES* && $output != *EROFS* ]]
}

@test "the units: metrics over TCP are allowed where they are wanted" {
  echo 'NET_ROUTED_METRICS_ADDRESS=127.0.0.1:9469' >>/etc/default/net-routed
  install -D -m 0644 /usr/local/lib/net-routed/systemd/metrics.conf -t /etc/systemd/system/net-routed.service.d
  systemctl daemon-reload
  systemctl restart net-routed
  eventually 30 curl -sf -o /dev/null http://127.0.0.1:9469/metrics
  sed -i '/METRICS/d' /etc/default/net-routed
  rm -r /etc/systemd/system/net-routed.service.d
  systemctl daemon-reload
  systemctl restart net-routed
}

started() { systemctl show -P ActiveEnterTimestampMonotonic "$1"; }

@test "the units: docker starts after the service and restores its network without waiting" {
  systemctl start net-routed
  # shellcheck disable=SC2086
  docker $CREATE test
  docker run -d --restart always --name server --net=test --ip=10.1.1.1 alpine sleep 10000
  systemctl stop docker docker.socket net-routed
  systemctl start --no-block docker net-routed
  timeout 60 sh -c 'until ping -c 1 -W 1 10.1.1.1; do :; done'
  # 15 s for every network is what docker waits for a driver that does not listen
  [ "$(($(started docker) - $(started net-routed)))" -lt 15000000 ]
  [ "$(docker inspect --format '{{.State.Running}}' server)" = true ]
  docker rm -f server
  docker network rm test
}

@test "the units: nothing is left of the sockets after a stop" {
  systemctl stop net-routed.socket ipam-routed.socket net-routed
  [ -z "$(ls -A /run/docker/plugins)" ]
}

@test "the units: with --cni a CNI plugin attaches containers, under systemd's restrictions" {
  "$REPO/systemd/install" --cni
  systemctl start net-routed-cni.socket
  [ "$(stat -c '%a %U' /run/net-routed/cni.sock)" = '600 root' ]
  echo '{"cniVersion":"1.0.0","name":"cni","type":"net-routed","ipam":{"subnet":"10.2.0.0/24"}}' >/etc/cni/net.d/cni.conf
  ip netns add c1
  "$REPO/bats/tools/cni" add cni c1 >"$BATS_TEST_TMPDIR/result"
  [ "$(systemctl is-active net-routed)" = active ]
  ping -c 1 -W 5 "$(jq -r '.ips[0].address | sub("/.*"; "")' "$BATS_TEST_TMPDIR/result")"
  "$REPO/bats/tools/cni" del cni c1
  [ -z "$(ip route show proto 200)" ]
  ip netns del c1
  systemctl stop net-routed-cni.socket net-routed
}
