#!/usr/bin/env bats
# The first thing a stranger runs.

load helpers

teardown_file() { "$BATS_DIR/demo" down; }
teardown() { :; }

@test "the demo stands, shows every pair, and is entered by the line it prints" {
  export KEEP=1
  succeeds "$BATS_DIR/demo"
  shows 'docker network create --internal --driver=net-routed --ipam-driver=ipam-routed --subnet 10\.1\.0\.0/16 mine'
  shows 'All 36 pairs reach each other'
  equal "$(grep -cE '^  10\.1\.[123]\.[12]( +[0-9.]+){6}$' <<<"$output")" 6
  equal "$(grep -cE 'h[123] to a container of its own host: [0-9.]+ ms' <<<"$output")" 3
  equal "$(grep -cE 'h[123] to h[123]: [0-9]+ ms' <<<"$output")" 6
  local enter
  enter=$(sed -n 's/^Enter host 1 with: \(.*\) bash    .*/\1/p' <<<"$output")
  succeeds bash -c "$enter docker network inspect mine --format '{{.Driver}}'"
  equal "$output" net-routed
}

@test "it starts again over what is left of an earlier one, and removes itself" {
  succeeds "$BATS_DIR/demo"
  shows 'All 36 pairs'
  [ ! -e "$LAB" ]
}

