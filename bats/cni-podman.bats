#!/usr/bin/env bats
# Podman with its CNI backend, as Debian 12 has it, on a network of net-routed. The configuration and the command are those
# of docs/cni.md.

load helpers

ROOT=$(dirname "$BATS_DIR")
CREATE=$(grep -oP '^    \Kpodman run.*' "$ROOT/docs/cni.md" | head -1)

setup_file() {
  command -v podman >/dev/null || skip 'podman is not installed'
  export DOCKER=0 FRR=''
  lab_up 1
  install_podman
  documented podman | on 1 sh -c 'rm -f /etc/cni/net.d/*; cat >/etc/cni/net.d/routed.conflist'
}

# As on a host of its own, but for nested overlays, which do not work; and containers may ping.
install_podman() {
  on 1 bash -c '
    install -D -t /opt/cni/bin "$1"/bin/cni/*
    mkdir -p /etc/cni/net.d /etc/containers /var/tmp
    rm -rf /var/lib/containers
    cat >/etc/containers/containers.conf <<<"[network]
network_backend = \"cni\"
cni_plugin_dirs = [\"/opt/cni/bin\", \"/usr/lib/cni\"]
[containers]
default_capabilities = [\"NET_RAW\"]
[engine]
cgroup_manager = \"cgroupfs\"
events_logger = \"file\"
runtime = \"runc\""
    cat >/etc/containers/storage.conf <<<"[storage]
driver = \"vfs\"
graphroot = \"/var/lib/docker/podman\"
runroot = \"/run/containers/storage\""
    mkdir /run/image /run/image/bin
    cp "$(command -v busybox)" /run/image/bin/busybox
    for applet in sh sleep ping true nc; do ln -s busybox /run/image/bin/$applet; done
    tar -C /run/image -c bin | podman import - busybox' - "$ROOT"
}

documented() { awk -v mark="<!-- example: $1 -->" '$0 == mark { wanted = 1 } wanted && /^```/ { if (inside) exit; inside = 1; next } inside' "$ROOT/docs/cni.md"; }
podman_on() { on "$1" podman "${@:2}"; }
clean() { podman_on 1 rm --all --force --time 0 >/dev/null 2>&1 || :; }
address_in() { podman_on 1 inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }
podman_reaches() { podman_on 1 exec "$1" ping -c 1 -W 2 "$2" >/dev/null; }

@test "a container with an address that was asked for and one without reach each other and the host" {
  succeeds on 1 sh -c "$CREATE"
  podman_on 1 run --detach --name other --net routed busybox sleep 100000
  equal "$(address_in web)" 10.1.0.9
  matches "$(address_in other)" '^10\.1\.1\.[0-9]+$'
  podman_reaches other 10.1.0.9
  podman_reaches web "$(address_in other)"
  podman_reaches web 192.0.2.1
  on 1 ping -c 1 -W 2 10.1.0.9
}

@test "the daemon restarts while containers run; after podman rm nothing is left" {
  on 1 sh -c "$CREATE"
  podman_on 1 run --detach --name other --net routed busybox sleep 100000
  lab daemon 1 restart
  podman_reaches other 10.1.0.9
  lab daemon 1 kill
  podman_reaches other 10.1.0.9
  lab daemon 1 start
  podman_on 1 run --rm --net routed busybox ping -c 1 -W 2 10.1.0.9
  podman_on 1 rm --force --time 0 web other
  equal "$(our_links 1)$(our_routes 1)" ''
  equal "$(on 1 "$ROOT/bin/net-routed" status --json | jq '.endpoints | length')" 0
}

@test "a container that stops and starts keeps its place; one that died alone is cleaned up" {
  on 1 sh -c "$CREATE"
  podman_on 1 stop --time 0 web
  equal "$(our_links 1)$(our_routes 1)" ''
  podman_on 1 start web
  on 1 ping -c 1 -W 2 10.1.0.9
  podman_on 1 run --name short --net routed busybox true
  equal "$(our_routes 1 | wc -l)" 1
}

@test "an address in use is refused by name, and podman shows why" {
  on 1 sh -c "$CREATE"
  fails podman_on 1 run --rm --net routed --ip 10.1.0.9 busybox true
  shows '10\.1\.0\.9'
  equal "$(our_routes 1 | wc -l)" 1
}

@test "podman publishes a port" {
  podman_on 1 run --detach --name web --net routed --publish 8080:8000 busybox sh -c 'while :; do echo served | nc -l -p 8000; done'
  wait_until 10 on 1 sh -c '[ "$(busybox nc -w 2 192.0.2.1 8080 </dev/null)" = served ]'
  podman_on 1 rm --force --time 0 web
  fails on 1 nft list table inet net-routed-ports
}

@test "podman lists the network" {
  succeeds podman_on 1 network ls --format '{{.Name}}'
  shows '^routed$'
}
