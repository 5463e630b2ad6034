#!/usr/bin/env bats
# The plugin as a container, with the capabilities that the documentation names in place of --privileged.

load helpers

# As the README has them.
CAPABILITIES=$(grep -oP -- '--cap-drop ALL .*?systempaths=unconfined' "$BATS_DIR/../README.md" | head -1)
PLUGIN='--detach --name plugin --net=host
  -v /run/docker/plugins:/run/docker/plugins -v /var/lib/net-routed:/var/lib/net-routed'

setup_file() {
  export DAEMON='' FRR='zebra ospfd' FRR_CONF=$BATS_DIR/lab.d/frr-empty.conf
  lab_up 1
  "$BATS_DIR/image" --tar "$BATS_FILE_TMPDIR/image.tar"
  docker_on 1 load --quiet --input "$BATS_FILE_TMPDIR/image.tar"
}

setup() { start_plugin "$CAPABILITIES"; }

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || docker_on 1 logs --tail 20 plugin
  remove_others
  docker_on 1 network prune --force >/dev/null
  docker_on 1 rm --force plugin >/dev/null 2>&1 || :
}

# start_plugin FLAGS
start_plugin() {
  # shellcheck disable=SC2086 # lists of words
  docker_on 1 run $PLUGIN $1 routed-plugin --gateway 10.100.0.1 >/dev/null
  # The sockets alone say nothing: a killed plugin leaves its own behind.
  wait_until 10 plugin_says '"ready"'
}
plugin_says() { docker_on 1 logs plugin 2>&1 | grep -q "$1"; }

# The plugin must be there until the last container and the last network are gone.
remove_others() {
  local name
  for name in $(docker_on 1 ps --all --format '{{.Names}}'); do
    [ "$name" = plugin ] || docker_on 1 rm --force "$name" >/dev/null
  done
}

@test "with the documented capabilities it connects containers to each other and to the host" {
  create_network 1 mine 10.1.0.0/16
  create_container 1 first mine --ip 10.1.0.10
  create_container 1 second mine --ip 10.1.0.11
  pings 1 first 10.1.0.11
  on 1 ping -c 1 -W 2 10.1.0.10
  equal "$(gateway_of 1 first)" 10.100.0.1
}

@test "it configures the host's FRR, run as routing.md says" {
  docker_on 1 rm --force plugin
  on 1 sh -c 'echo "routing: { ospf: { area: 0, interfaces: [eth0] } }" >/etc/net-routed.yaml'
  local command
  command=$(grep -oP '^    \Kdocker run .*/run/frr.*' "$BATS_DIR/../docs/routing.md")
  succeeds on 1 sh -c "${command/docker run/docker run --name plugin}"
  create_network 1 mine 10.1.0.0/16
  wait_until 10 on 1 sh -c "vtysh -c 'show running-config' | grep -q 'redistribute kernel route-map net-routed'"
  wait_until 10 on 1 sh -c "vtysh -c 'show running-config' | grep -q 'prefix-list net-routed seq .* permit 10.1.0.0/16 ge 32'"
}

@test "it removes its sockets when it is stopped" {
  docker_on 1 stop plugin
  succeeds on 1 ls -A /run/docker/plugins
  equal "$output" ''
  equal "$(docker_on 1 inspect --format '{{.State.ExitCode}}' plugin)" 0
}

@test "a new plugin container finds the networks and containers of the old one, which reach each other throughout" {
  create_network 1 mine 10.1.0.0/16
  create_container 1 first mine --ip 10.1.0.10
  create_container 1 second mine
  docker_on 1 stop plugin
  pings 1 first "$(address_of 1 second)"
  docker_on 1 rm plugin
  start_plugin "$CAPABILITIES"
  pings 1 first "$(address_of 1 second)"
  fails docker_on 1 run --rm --net mine --ip 10.1.0.10 busybox true
  create_container 1 third mine
  pings 1 third 10.1.0.10
}

@test "the way documented in README, with --privileged" {
  docker_on 1 rm --force plugin
  docker_on 1 run --rm --privileged busybox true || skip 'no --privileged on this machine; bats/vm.bats covers it'
  start_plugin --privileged
  create_network 1 mine 10.1.0.0/16
  create_container 1 first mine --ip 10.1.0.10
  on 1 ping -c 1 -W 2 10.1.0.10
}

@test "the way documented in docs/cni.md: it brings the plugin, and attaches containers by CNI" {
  docker_on 1 rm --force plugin
  local commands tool=$BATS_DIR/tools/cni
  commands=$(grep -oP '^    \Kdocker run .*' "$BATS_DIR/../docs/cni.md")
  equal "$(wc -l <<<"$commands")" 2
  on 1 mkdir -p /run/netns /opt/cni/bin /etc/cni/net.d
  # as ip(8) and the runtimes do it for the first namespace
  on 1 sh -c 'mount --bind /run/netns /run/netns && mount --make-shared /run/netns'
  on 1 sh -c "$(head -1 <<<"$commands")"
  on 1 sh -c "$(tail -1 <<<"$commands" | sed 's/run -d /run -d --name plugin /')"
  wait_until 10 plugin_says '"ready"'
  on 1 sh -c 'echo "{\"cniVersion\":\"1.1.0\",\"name\":\"mine\",\"type\":\"net-routed\",\"ipam\":{\"subnet\":\"10.1.0.0/16\"}}" >/etc/cni/net.d/mine.conf'
  on 1 ip netns add one
  succeeds on 1 env CNI_PATH=/opt/cni/bin "$tool" add mine one
  succeeds on 1 ping -c 1 -W 2 "$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$output")"
  succeeds on 1 env CNI_PATH=/opt/cni/bin "$tool" del mine one
  equal "$(our_links 1)$(our_routes 1)" ''
  on 1 sh -c 'ip netns del one; umount /run/netns'
}

@test "the way documented in docs/addresses.md: it puts addresses into containers, which it refuses otherwise" {
  # The network of the test before, which would be kept for a while.
  on 1 "$BATS_DIR/../bin/net-routed" forget cni:mine || :
  create_network 1 mine 10.1.0.0/16
  fails docker_on 1 run --network 'name=mine,driver-opt=net-routed.addresses=10.1.0.50' busybox true
  shows 'SYS_ADMIN'
  docker_on 1 rm --force plugin
  # as systemd has it
  on 1 mount --make-shared /run
  on 1 sh -c "$(grep -oP '^    \Kdocker run -d --net=host .*' "$BATS_DIR/../docs/addresses.md" | sed 's/run -d /run -d --name plugin /')"
  wait_until 10 plugin_says '"ready"'
  docker_on 1 run --detach --name one --network 'name=mine,driver-opt=net-routed.addresses=10.1.0.50' busybox sleep 100000
  wait_until 5 on 1 ping -c 1 -W 2 10.1.0.50
}

@test "its command line is that of net-routed serve, and a wrong flag says so" {
  docker_on 1 rm --force plugin
  succeeds docker_on 1 run --rm routed-plugin --version
  run docker_on 1 run --rm routed-plugin --gateway nonsense
  equal "$status" 2
  shows 'gateway.*nonsense'
}
