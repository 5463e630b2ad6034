#!/usr/bin/env bats
# What this machine's kernel may refuse: --privileged, and Debian's own kernel and systemd. Minutes, for all is emulated.

load helpers

setup() {
  local reason
  reason=$("$BATS_DIR/vm" --check 2>&1) || skip "$reason"
}
# No lab here.
teardown() { :; }
teardown_file() { :; }

vm() { "$BATS_DIR/vm" "$@"; }

@test "a command's output and exit status come out of the virtual machine, what it writes does not" {
  run vm sh -c 'touch /usr/written-in-the-vm; echo out; exit 42'
  equal "$status $output" '42 out'
  equal "$(vm sh -c 'echo err >&2' 2>&1 >/dev/null)" err
  [ ! -e /usr/written-in-the-vm ]
}

@test "a command that takes too long, and a machine that dies, have their own exit statuses" {
  run vm -t 8 sleep 1000
  equal "$status" 124
  run vm sh -c 'echo c >/proc/sysrq-trigger'
  equal "$status" 125
  shows sysrq_handle_crash
}

@test "the plugin as a --privileged container and as a systemd service, on Debian's kernel" {
  [ -x /lib/systemd/systemd ] || skip 'systemd is not installed'
  local repo=${BATS_DIR%/*}
  "$BATS_DIR/image" --tar "$BATS_TEST_TMPDIR/image.tar"
  succeeds vm -m 3072 -t 900 -s "$BATS_TEST_TMPDIR" -s "$repo" "$BATS_DIR/vm.d/systemd" \
    env "IMAGE=$BATS_TEST_TMPDIR/image.tar" "REPO=$repo" bats --timing "$BATS_DIR/vm.d/guest.bats"
  printf '# %s\n' "${lines[@]}" >&3
}
