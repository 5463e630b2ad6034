#!/usr/bin/env bats
# Containers talk at 1,000 packets a second while the daemon is killed, stopped, upgraded and started. None is lost.
#   PROBE_PAUSE=N   seconds without daemon (default 10)

load helpers
load probe

ROUNDS=20
PAUSE=${PROBE_PAUSE:-10}

setup_file() {
  # An upgrade is another program behind the same name.
  export DAEMON="$LAB-daemon serve"
  ln -sfn "$BATS_DIR/../bin/net-routed" "$LAB-daemon"
  lab_up 2
}

teardown_file() {
  lab down
  rm -rf "$LAB-daemon" "$LAB-newer"
}

setup() {
  local host
  for host in 1 2; do create_network $host mine 10.1.0.0/16; done
  create_container 1 one mine --ip 10.1.0.1
  create_container 1 two mine --ip 10.1.0.2
  create_container 2 three mine --ip 10.1.0.3
  wait_until 5 has_route 1 10.1.0.3
  wait_until 5 has_route 2 10.1.0.1
  wait_until 5 pings 1 one 10.1.0.3
}

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  local host
  for host in 1 2; do
    on "$host" test -S /run/docker/plugins/net-routed.sock || lab daemon "$host" start
  done
  on 1 sh -c '[ ! -e /run/probe ] || kill "$(cat /run/probe)"; rm -f /run/probe'
  clean
}

watch() {
  plumbing 1 >"$BATS_TEST_TMPDIR/before.1"
  plumbing 2 >"$BATS_TEST_TMPDIR/before.2"
  probe_start 1 one 10.1.0.2 10.1.0.3
}

# nothing_lost WHEN - since `watch`; neither packets nor anything they depend on.
nothing_lost() {
  probe_end 1 "$1"
  diff "$BATS_TEST_TMPDIR/before.1" <(plumbing 1) && diff "$BATS_TEST_TMPDIR/before.2" <(plumbing 2)
}

both_hosts() {
  "$@" 1 & local first=$!
  "$@" 2
  wait "$first"
}
kill_and_start() {
  lab daemon "$1" kill
  lab daemon "$1" start
}

@test "$ROUNDS times killed and started" {
  watch
  local round
  for ((round = 0; round < ROUNDS; round++)); do both_hosts kill_and_start; done
  nothing_lost "$ROUNDS kills"
  succeeds on 1 "$LAB-daemon" status
  shows '^1 networks, 2 endpoints, 0 faults, 0 broken'
}

stay_stopped() {
  lab daemon "$1" stop
  sleep "$PAUSE" # how long it is away is what is tested
  lab daemon "$1" start
}

@test "stopped for $PAUSE seconds" {
  watch
  both_hosts stay_stopped
  nothing_lost "$PAUSE seconds without daemon"
}

upgrade() { lab daemon "$1" restart; }

@test "upgraded" {
  DESTDIR=$LAB-newer "$BATS_DIR/../systemd/install" --app
  sed -i 's/"version": "[^"]*"/"version": "99.0.0"/' "$LAB-newer/usr/local/lib/net-routed/package.json"
  ln -sfn "$LAB-newer/usr/local/lib/net-routed/bin/net-routed" "$LAB-daemon"
  watch
  both_hosts upgrade
  nothing_lost upgrade
  succeeds on 1 "$LAB-daemon" status
  shows '^net-routed 99\.0\.0,'
  ln -sfn "$BATS_DIR/../bin/net-routed" "$LAB-daemon"
  both_hosts upgrade
}

@test "a thousand endpoints: time from the start to the first answer" {
  lab daemon 2 stop
  local socket=/run/docker/plugins/net-routed.sock network none many
  none=$(on 2 node "$BATS_DIR/tools/first-answer.mjs" 3 $socket "$LAB-daemon" serve | median)
  lab daemon 2 start
  network=$(node "$BATS_DIR/tools/endpoints.mjs" 2 make 10.2.0.0/16 1000)
  lab daemon 2 kill
  many=$(on 2 node "$BATS_DIR/tools/first-answer.mjs" 3 $socket "$LAB-daemon" serve | median)
  tell "first answer after $none ms with one endpoint, $many ms with a thousand; the aim is 500"
  below "$many" 5000
  lab daemon 2 start
  equal "$(our_links 2 | grep -c '^nr-')" 1001
  node "$BATS_DIR/tools/endpoints.mjs" 2 remove 10.2.0.0/16 "$network"
}

@test "started by the first request, which waits and is answered" {
  on 1 sh -c 'command -v systemd-socket-activate' >/dev/null || skip 'systemd-socket-activate is missing'
  watch
  lab daemon 1 stop
  # shellcheck disable=SC2086 # words
  on 1 sh -c 'exec 3>&- setsid systemd-socket-activate --listen=/run/docker/plugins/net-routed.sock \
    --listen=/run/docker/plugins/ipam-routed.sock --fdname=net-routed:ipam-routed "$@" >/run/activated 2>&1 & echo $! >/run/activated.pid' - $DAEMON
  wait_until 5 on 1 test -S /run/docker/plugins/ipam-routed.sock
  fails on 1 pgrep --full dist/bundle/net-routed.cjs
  tell "a container's start that starts the daemon: $(milliseconds_of create_container 1 four mine --ip 10.1.0.4) ms"
  pings 1 four 10.1.0.3
  docker_on 1 rm --force four
  on 1 sh -c 'kill "$(cat /run/activated.pid)"; rm -f /run/docker/plugins/*'
  lab daemon 1 start
  nothing_lost 'socket activation'
}
