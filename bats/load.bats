#!/usr/bin/env bats
# Many containers come and go at once, told to the daemon's sockets as dockerd does, some of the requests broken off. All
# the while a real container sends a packet every millisecond.
#   LOAD_CYCLES=N      lives of containers (default 10000), 200 at once
#   LOAD_ENDPOINTS=N   endpoints at once on one host (default 4000)

load helpers
load probe

CYCLES=${LOAD_CYCLES:-10000}
ENDPOINTS=${LOAD_ENDPOINTS:-4000}

setup_file() {
  export FRR=''
  lab_with_container
}
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || { show_logs; lab_with_container; }
}
lab_with_container() {
  lab_up 1
  create_network 1 quiet 10.9.0.0/24
  create_container 1 quiet quiet
}

# What a host has more with every endpoint.
everything() {
  on 1 sh -c 'ip -o link show | grep -v " docker0" | cut -d: -f2; ip -o addr show | grep -v docker0 | sed "s/valid_lft.*//"; ip neigh show nud permanent
    ip route show table all; ip rule show; nft list ruleset | sed "s/packets [0-9]* bytes [0-9]*//"
    find /var/lib/net-routed | sort; ls /run/docker/plugins'
}
is_as_before() { diff "$BATS_TEST_TMPDIR/before" <(everything); }

@test "$CYCLES lives of containers, 200 at once, every fifth request broken off: nothing is left, memory is flat" {
  everything >"$BATS_TEST_TMPDIR/before"
  probe_start 1 quiet 192.0.2.1
  succeeds node "$BATS_DIR/tools/load.mjs" 1 10.1.0.0/16 "$CYCLES"
  local result=$output
  probe_end 1 'while they came and went'
  tell "$(jq --raw-output '"\(.cycles) lives, \(.cancelled) requests broken off; megabytes \([.samples[].megabytes]), descriptors \([.samples[].descriptors]), addresses held \([.samples[].held]); \(.looks) looks at \(.seen) containers"' <<<"$result")"
  equal "$(jq --compact-output '[.numberOfErrors, .errors]' <<<"$result")" '[0,[]]'
  # Between the second and the last third.
  succeeds jq --exit-status '.samples | (.[3].megabytes - .[2].megabytes) < 5 and .[3].descriptors - .[2].descriptors < 3' <<<"$result"
  # Nobody gives back the address of an answer that was lost, except the daemon.
  succeeds jq --exit-status '.undelivered > 0 and ([.samples[] | [.held, .endpoints]] | unique | length == 1)' <<<"$result"
  # Each container is there long enough to be seen now and then.
  succeeds jq --exit-status '.seen > .cycles / 20' <<<"$result"
  wait_until 10 is_as_before
  succeeds on 1 "$NET_ROUTED" status
  shows '^1 networks, 1 endpoints, 0 faults, 0 broken'
}

@test "addresses whose askers are gone before they are answered are taken back at once" {
  local network
  network=$(node "$BATS_DIR/tools/gone.mjs" 1 10.1.0.0/16 100)
  wait_until 5 eval '[ -z "$(addresses_leased 1 | grep "^10\.1\.")" ]'
  node "$BATS_DIR/tools/endpoints.mjs" 1 remove 10.1.0.0/16 "$network"
}

@test "$ENDPOINTS endpoints at once" {
  everything >"$BATS_TEST_TMPDIR/before"
  local network
  probe_start 1 quiet 192.0.2.1
  tell "made in $(milliseconds_of make_all) ms"
  network=$(cat "$BATS_TEST_TMPDIR/network")
  equal "$(our_routes 1 | grep -c '^10\.1\..* dev nr-')" "$ENDPOINTS"
  equal "$(on 1 "$NET_ROUTED" status --json | jq --compact-output '[(.endpoints | map(select(.state == "routed")) | length), .faults]')" "[$((ENDPOINTS + 1)),[]]"
  tell "$(on 1 curl --silent --unix-socket /run/docker/plugins/net-routed.sock http://localhost/metrics | awk '/^net_routed_resident/ { printf "%.0f MB", $2 / 1e6 }') with them"
  lab daemon 1 kill
  tell "first answer after $(on 1 node "$BATS_DIR/tools/first-answer.mjs" 1 /run/docker/plugins/net-routed.sock "$NET_ROUTED" serve) ms"
  lab daemon 1 start
  tell "removed in $(milliseconds_of node "$BATS_DIR/tools/endpoints.mjs" 1 remove 10.1.0.0/16 "$network") ms"
  probe_end 1 'while they were made and removed, and the daemon killed'
  wait_until 10 is_as_before
}
make_all() { node "$BATS_DIR/tools/endpoints.mjs" 1 make 10.1.0.0/16 "$ENDPOINTS" >"$BATS_TEST_TMPDIR/network"; }
