#!/usr/bin/env bats
# The command line: what it accepts, what it says about the rest, and one daemon per state directory.

load helpers

setup_file() {
  export DAEMON='' DOCKER=0 FRR=''
  lab_up 1
}
teardown() {
  on 1 bash -c 'cat /run/lab-*.pid 2>/dev/null | xargs -r kill -KILL 2>/dev/null; rm -rf /run/lab-* /run/docker/plugins/* /var/lib/net-routed' || :
}

net_routed() { on 1 "$BATS_DIR/../bin/net-routed" "$@"; }
# refused ARGUMENT... - exit status 2 and one line, on stderr.
refused() {
  run --separate-stderr net_routed "$@"
  equal "$status" 2
  equal "$output" ''
  output=$stderr
  equal "$(wc -l <<<"$output")" 1
}

# serve NAME [ARGUMENT...] - in the background, until it listens; its output in /run/lab-NAME.log.
serve() {
  on 1 bash -c 'exec 3>&-; setsid "${@:2}" </dev/null >/run/lab-$1.log 2>&1 & echo $! >/run/lab-$1.pid' - \
    "$1" env "${SETTINGS[@]}" "$BATS_DIR/../bin/net-routed" "${@:2}"
  wait_until 10 has_sockets
}
SETTINGS=()
has_sockets() { [ "$(on 1 awk '$4 == "00010000" && /docker\/plugins/' /proc/net/unix | wc -l)" -ge 2 ]; }
sockets() { on 1 ls /run/docker/plugins | xargs; }
end() {
  on 1 sh -c 'kill -s "$2" "$(cat /run/lab-$1.pid)"' - "$1" "$2"
  wait_until 10 not on 1 sh -c 'kill -0 "$(cat /run/lab-$1.pid)"' - "$1"
}

@test "--version prints a version, --help every option" {
  succeeds net_routed --version
  matches "$output" '^[0-9]+\.[0-9]+\.[0-9]+$'
  succeeds net_routed --help
  local option
  for option in -g --gateway --gateway6 -m --mtu -d --debug -S --netsock -s --ipamsock --state-dir --route-protocol \
    --default-address-pool --config --version --help; do shows "(^|[ ,])$option([ ,]|$)"; done
}

@test "an unknown flag or command is one line and exit status 2" {
  refused --no-such-flag
  shows 'no-such-flag'
  refused dance
  shows 'dance'
}

@test "a bad value is refused with the flag, the value and what would be right" {
  local case flag value
  for case in --gateway=300.1.1.1 --gateway=fd00::1 --gateway6=10.0.0.1 --mtu=banana --mtu=-1 --mtu=70000 \
    --route-protocol=0 --route-protocol=256 --route-protocol=186 --default-address-pool=nonsense \
    --default-address-pool=size=4,base=10.0.0.0/8 --config=/no/such/file; do
    flag=${case%%=*} value=${case#*=}
    refused "$case"
    shows "$flag"
    value=${value%,base*}
    shows "${value/=/.}"
    # More than both: what would be right.
    [ "${#output}" -gt $((${#case} + 20)) ]
  done
}

@test "a bad value in the environment or in the file is refused with its place" {
  run --separate-stderr on 1 env NET_ROUTED_MTU=banana "$BATS_DIR/../bin/net-routed"
  equal "$status" 2
  matches "$stderr" 'NET_ROUTED_MTU.*banana'
  echo 'mtu: banana' >"$BATS_TEST_TMPDIR/config.yaml"
  refused --config "$BATS_TEST_TMPDIR/config.yaml"
  shows 'mtu'
  shows 'banana'
  echo 'motu: 1500' >"$BATS_TEST_TMPDIR/config.yaml"
  refused --config "$BATS_TEST_TMPDIR/config.yaml"
  shows 'motu'
  echo '{ not json' >"$BATS_TEST_TMPDIR/config.json"
  refused --config "$BATS_TEST_TMPDIR/config.json"
  shows 'config\.json'
}

@test "it runs without any flag, listens on its sockets for root alone, and removes them at its end" {
  serve plain
  equal "$(sockets)" 'ipam-routed.sock net-routed.sock'
  equal "$(on 1 stat -c '%a %U' /run/docker/plugins/net-routed.sock /run/docker/plugins/ipam-routed.sock | xargs)" \
    '600 root 600 root'
  equal "$(on 1 stat -c '%a %U' /run/net-routed/cni.sock)" '600 root'
  succeeds net_routed status
  end plain TERM
  equal "$(sockets)" ''
  fails on 1 test -e /run/net-routed/cni.sock
  succeeds on 1 cat /run/lab-plain.log
  hides '"level":"error"'
}

@test "it runs with the ancestor's flags" {
  serve ancestor --gateway 10.100.0.1 --mtu 9000 --debug
  end ancestor INT
}

@test "it runs with short flags and other names" {
  serve short -g 10.100.0.1 -m 0 -d -S routed -s addresses
  equal "$(sockets)" 'addresses.sock routed.sock'
}

@test "a flag beats the environment, that the file, that the default" {
  echo '{ "netsock": "from-file", "ipamsock": "ipam-from-file", "mtu": 1400 }' >"$BATS_TEST_TMPDIR/config.json"
  serve file --config "$BATS_TEST_TMPDIR/config.json"
  equal "$(sockets)" 'from-file.sock ipam-from-file.sock'
  end file TERM
  SETTINGS=(NET_ROUTED_NETSOCK=from-environment "NET_ROUTED_CONFIG=$BATS_TEST_TMPDIR/config.json")
  serve environment
  equal "$(sockets)" 'from-environment.sock ipam-from-file.sock'
  end environment TERM
  serve flag --netsock from-flag
  equal "$(sockets)" 'from-flag.sock ipam-from-file.sock'
}

@test "a file in YAML is read too" {
  printf 'netsock: from-yaml\ndefault-address-pool:\n  - base=10.0.0.0/8,size=24\n' >"$BATS_TEST_TMPDIR/config.yaml"
  serve yaml --config "$BATS_TEST_TMPDIR/config.yaml"
  equal "$(sockets)" 'from-yaml.sock ipam-routed.sock'
}

@test "a second daemon on the same state directory says so and ends with 1; the first goes on" {
  serve first
  run --separate-stderr net_routed --netsock second --ipamsock second-ipam --cnisock /run/second-cni.sock
  equal "$status" 1
  matches "$output$stderr" '/var/lib/net-routed'
  succeeds net_routed status
  end first KILL
  serve next
}

@test "two daemons with directories and names of their own run side by side" {
  serve first
  serve second --state-dir /run/lab-state --netsock second --ipamsock second-ipam --cnisock /run/second-cni.sock
  wait_until 10 eval '[ "$(sockets | wc -w)" = 4 ]'
}

@test "status tells the same to people and programs, and says when no daemon runs" {
  serve plain
  succeeds net_routed status --json
  jq -e '.version' <<<"$output"
  end plain TERM
  fails net_routed status
  equal "$(wc -l <<<"$output")" 1
}
