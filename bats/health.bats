#!/usr/bin/env bats
# Containers with a check: their addresses are announced while it succeeds.

load helpers
load probe

ADDRESS=10.1.0.7

setup_file() {
  FRR='zebra ospfd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf lab_up 1
  on 1 sh -c 'mkdir /etc/net-routed.checks && cat >/etc/net-routed.checks/marked && chmod 755 /etc/net-routed.checks/marked' <<'END'
#!/bin/sh
echo "$NET_ROUTED_ADDRESSES is not marked"
exec grep -qs "^$NET_ROUTED_ADDRESSES\$" /run/marked
END
  on 1 sh -c 'cat >/etc/net-routed.yaml' <<END
check-programs: /etc/net-routed.checks
routing: { grace: 0 }
END
  lab daemon 1 restart --config /etc/net-routed.yaml
  create_network 1 mine 10.1.0.0/16 --opt net-routed.check-interval=200ms
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  on 1 sh -c 'docker ps -aq | xargs -r docker rm -f; rm -f /run/marked' >/dev/null
}

# checked CHECK [FLAG...] - a container with this check.
checked() {
  docker_on 1 run --detach --name web --network "name=mine,ip=$ADDRESS,driver-opt=net-routed.check=$1" --stop-signal KILL "${@:2}" \
    busybox sleep 100000 >/dev/null
}
is_announced() { on 1 ip route show type blackhole | grep -q "$ADDRESS "; }
is_withdrawn() { ! is_announced; }
state_is() { on 1 "$NET_ROUTED" status | grep -qE "^$1 +$ADDRESS/32"; }
# follows START STOP - commands in the container that make its check succeed and fail.
follows() {
  wait_until 10 state_is starting
  is_withdrawn
  on 1 ping -c 1 -W 2 $ADDRESS
  run_in 1 web sh -c "$1"
  wait_until 10 is_announced
  wait_until 10 state_is routed
  run_in 1 web sh -c "$2"
  wait_until 10 is_withdrawn
  wait_until 10 state_is unhealthy
  on 1 ping -c 1 -W 2 $ADDRESS
  succeeds on 1 "$NET_ROUTED" status
  shows "^check: $ADDRESS/32: unhealthy since [0-9TZ:.-]+: ."
  run_in 1 web sh -c "$1"
  wait_until 10 is_announced
}

@test "over TCP" {
  checked tcp:80
  follows 'httpd -h /tmp' 'killall httpd'
}

@test "over HTTP" {
  checked http:80/ready
  run_in 1 web httpd -h /tmp
  follows 'touch /tmp/ready' 'rm /tmp/ready'
}

@test "Docker's HEALTHCHECK" {
  checked docker --health-cmd 'test -e /tmp/ready' --health-interval 300ms --health-retries 2
  follows 'touch /tmp/ready' 'rm /tmp/ready'
}

@test "Docker's HEALTHCHECK, of a container that is connected later, and after a restart of the daemon" {
  docker_on 1 run --detach --name web --network none --health-cmd 'test ! -e /tmp/bad' --health-interval 300ms \
    --stop-signal KILL busybox sleep 100000 >/dev/null
  is_healthy() { [ "$(docker_on 1 inspect --format '{{.State.Health.Status}}' web)" = healthy ]; }
  wait_until 10 is_healthy
  docker_on 1 network disconnect none web
  docker_on 1 network connect --ip $ADDRESS --driver-opt net-routed.check=docker mine web
  wait_until 10 is_announced
  lab daemon 1 restart --config /etc/net-routed.yaml
  is_announced
  run_in 1 web touch /tmp/bad
  wait_until 10 is_withdrawn
  run_in 1 web rm /tmp/bad
  wait_until 10 is_announced
}

@test "by a program of the host, which Docker's users cannot choose otherwise" {
  checked exec:marked
  wait_until 10 state_is starting
  on 1 sh -c "echo $ADDRESS >/run/marked"
  wait_until 10 is_announced
  on 1 rm /run/marked
  wait_until 10 is_withdrawn
  succeeds on 1 "$NET_ROUTED" status
  shows "/etc/net-routed.checks/marked ends with [12]: $ADDRESS is not marked"
  docker_on 1 rm --force web >/dev/null
  fails checked exec:../marked
  shows 'net-routed.check: .* is no check'
}

@test "a restart of the daemon withdraws nothing that was fit, and finds what is not fit any more" {
  checked tcp:80
  run_in 1 web httpd -h /tmp
  wait_until 10 is_announced
  on 1 sh -c 'ip -o monitor route >/run/routes & echo $! >/run/monitor' 3>&- &
  wait_until 5 on 1 test -s /run/monitor
  lab daemon 1 restart --config /etc/net-routed.yaml
  on 1 sh -c 'kill $(cat /run/monitor); cat /run/routes' >"$BATS_TEST_TMPDIR/routes"
  equal "$(grep -c "$ADDRESS" "$BATS_TEST_TMPDIR/routes")" 0
  lab daemon 1 stop
  run_in 1 web killall httpd
  lab daemon 1 start --config /etc/net-routed.yaml
  wait_until 10 is_withdrawn
}

@test "without a section routing the route is where routing daemons do not read it, until the check succeeds" {
  on 1 sh -c 'echo "{}" >/etc/plain.yaml'
  lab daemon 1 restart --config /etc/plain.yaml
  checked tcp:80
  wait_until 10 state_is starting
  on 1 ping -c 1 -W 2 $ADDRESS
  equal "$(on 1 ip route show $ADDRESS)" ''
  run_in 1 web httpd -h /tmp
  wait_until 10 on 1 sh -c "ip route show $ADDRESS | grep -q nr-"
  run_in 1 web killall httpd
  wait_until 10 on 1 sh -c "! ip route show $ADDRESS | grep -q nr-"
  on 1 ping -c 1 -W 2 $ADDRESS
  lab daemon 1 restart --config /etc/net-routed.yaml
}

@test "routing.md: a check of a network and of a container, as shown" {
  local document=$BATS_DIR/../docs/routing.md create run
  create=$(grep -oP '^    \Kdocker network create.*net-routed.check.*' "$document")
  run=$(grep -oP '^    \Kdocker run.*net-routed.check.*' "$document")
  docker_on 1 network rm mine >/dev/null
  succeeds on 1 sh -c "$create"
  succeeds on 1 sh -c "$run"
  routed() { on 1 "$NET_ROUTED" status | grep -qE '^routed +10\.1\.'; }
  wait_until 10 routed
}
