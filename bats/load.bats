#!/usr/bin/env bats
# Many containers come and go at once, told to the daemon's sockets as dockerd does, some of the requests broken off.
#   LOAD_CYCLES=10000     lives of containers (default 1500), 200 at once
#   LOAD_ENDPOINTS=4000   endpoints at once on one host (default 2000)

load helpers
load probe

CYCLES=${LOAD_CYCLES:-1500}
ENDPOINTS=${LOAD_ENDPOINTS:-2000}

setup_file() {
  export DOCKER=0 FRR=''
  lab_up 1
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || { show_logs; lab_up 1; }
}

# What a host has more with every endpoint.
everything() {
  on 1 sh -c 'ip -o link show | grep -v " docker0" | cut -d: -f2; ip -o addr show | grep -v docker0 | sed "s/valid_lft.*//"; ip neigh show nud permanent
    ip route show table all; ip rule show; nft list ruleset | sed "s/packets [0-9]* bytes [0-9]*//"
    find /var/lib/net-routed | sort; ls /run/docker/plugins'
}

@test "$CYCLES lives of containers, 200 at once, every fifth request broken off: nothing is left, memory is flat" {
  everything >"$BATS_TEST_TMPDIR/before"
  succeeds node "$BATS_DIR/tools/load.mjs" 1 10.1.0.0/16 "$CYCLES"
  local result=$output
  tell "$(jq --raw-output '"\(.cycles) lives, \(.cancelled) requests broken off; megabytes \([.samples[].megabytes]), descriptors \([.samples[].descriptors]), addresses held \([.samples[].held])"' <<<"$result")"
  equal "$(jq --compact-output '[.numberOfErrors, .errors]' <<<"$result")" '[0,[]]'
  # Between the second and the last third.
  succeeds jq --exit-status '.samples | (.[3].megabytes - .[2].megabytes) < 5 and .[3].descriptors - .[2].descriptors < 3 and .[3].endpoints == 0' <<<"$result"
  # An answer that was on its way when the connection closed is lost; such an address comes back after ten minutes.
  succeeds jq --exit-status '.samples[3].held - 1 <= .undelivered' <<<"$result"
  succeeds jq --exit-status '.samples[4] | .held == 0 and .endpoints == 0 and .networks == 0' <<<"$result"
  wait_until 5 diff "$BATS_TEST_TMPDIR/before" <(everything)
  succeeds on 1 "$NET_ROUTED" status
  shows '^0 networks, 0 endpoints, 0 faults, 0 broken'
}

@test "addresses whose askers are gone before they are answered are taken back at once" {
  local network
  network=$(node "$BATS_DIR/tools/gone.mjs" 1 10.1.0.0/16 100)
  wait_until 5 eval '[ -z "$(addresses_leased 1)" ]'
  node "$BATS_DIR/tools/endpoints.mjs" 1 remove 10.1.0.0/16 "$network"
}

@test "$ENDPOINTS endpoints at once" {
  everything >"$BATS_TEST_TMPDIR/before"
  local network
  tell "made in $(milliseconds_of make_all) ms"
  network=$(cat "$BATS_TEST_TMPDIR/network")
  equal "$(our_routes 1 | grep -c ' dev nr-')" "$ENDPOINTS"
  equal "$(on 1 "$NET_ROUTED" status --json | jq --compact-output '[(.endpoints | map(select(.state == "routed")) | length), .faults]')" "[$ENDPOINTS,[]]"
  tell "$(on 1 curl --silent --unix-socket /run/docker/plugins/net-routed.sock http://localhost/metrics | awk '/^net_routed_resident/ { printf "%.0f MB", $2 / 1e6 }') with them"
  lab daemon 1 kill
  tell "first answer after $(on 1 node "$BATS_DIR/tools/first-answer.mjs" 1 /run/docker/plugins/net-routed.sock "$NET_ROUTED" serve) ms"
  lab daemon 1 start
  tell "removed in $(milliseconds_of node "$BATS_DIR/tools/endpoints.mjs" 1 remove 10.1.0.0/16 "$network") ms"
  wait_until 5 diff "$BATS_TEST_TMPDIR/before" <(everything)
}
make_all() { node "$BATS_DIR/tools/endpoints.mjs" 1 make 10.1.0.0/16 "$ENDPOINTS" >"$BATS_TEST_TMPDIR/network"; }
