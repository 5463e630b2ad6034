#!/usr/bin/env bats
# Pods of containerd, asked for as a kubelet does: through its CRI socket, with the configuration of docs/cni.md.

load helpers

ROOT=$(dirname "$BATS_DIR")

setup_file() {
  command -v containerd >/dev/null || skip 'containerd is not installed'
  FRR='' lab_up 1
  on 1 sh -c 'mkdir -p /etc/cni/net.d /opt/cni/bin /etc/containerd && rm -f /etc/cni/net.d/*'
  on 1 sh -c "install -t /opt/cni/bin /usr/lib/cni/* $ROOT/bin/cni/net-routed"
  awk '$0 == "<!-- example: containerd -->" { wanted = 1 } wanted && /^```/ { if (inside) exit; inside = 1; next } inside' "$ROOT/docs/cni.md" |
    on 1 sh -c 'cat >/etc/cni/net.d/10-routed.conflist'
  containerd_config | on 1 sh -c 'cat >/etc/containerd/cri.toml'
  start_containerd
  # What keeps the namespaces of a pod: any program that waits.
  on 1 sh -c 'docker export "$(docker create busybox)" | docker import -c "CMD [\"/bin/sleep\", \"1000000\"]" - localhost/pause:1 && docker rm "$(docker ps -aq)"' >&2
  docker_on 1 save localhost/pause:1 | on 1 ctr --address /run/cri/cri.sock --namespace k8s.io images import - >&2
}

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || { show_logs && on 1 tail -n 20 /run/cri/log >&2; }
}

containerd_config() {
  cat <<'END'
version = 2
root = "/var/lib/cri"
state = "/run/cri"
[grpc]
address = "/run/cri/cri.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
END
}
start_containerd() {
  on 1 sh -c 'mkdir -p /run/cri; setsid containerd --config /etc/containerd/cri.toml >>/run/cri/log 2>&1 </dev/null & echo $! >/run/cri/pid' 3>&-
  wait_until 30 on 1 ctr --address /run/cri/cri.sock version
}

cri() { on 1 node "$BATS_DIR/tools/cri.mjs" /run/cri/cri.sock "$@"; }
run_pod() { cri RunPodSandbox "$1"; }
remove_pod() { cri StopPodSandbox "$1" && cri RemovePodSandbox "$1"; }
addresses_of() { cri PodSandboxStatus "$1" | xargs; }
reached() { on 1 ping -c 1 -W 1 "$1"; }

@test "pods have addresses of both families, are reached, and leave nothing behind" {
  local one two
  one=$(run_pod one)
  two=$(run_pod two)
  matches "$(addresses_of "$one")" '^10\.2\.1\.[0-9]+ fd00:2::[0-9a-f]+$'
  local address
  for address in $(addresses_of "$one") $(addresses_of "$two"); do reached "$address"; done
  remove_pod "$one"
  # Kubelets ask again.
  cri StopPodSandbox "$two"
  remove_pod "$two"
  equal "$(our_links 1)$(our_routes 1)" ''
}

@test "a pod outlives restarts of the daemon and of containerd, and can be removed after both" {
  local pod address
  pod=$(run_pod lasting)
  address=$(addresses_of "$pod" | cut -d ' ' -f 1)
  lab daemon 1 restart
  reached "$address"
  on 1 sh -c 'kill "$(cat /run/cri/pid)"'
  wait_until 20 not on 1 sh -c 'kill -0 "$(cat /run/cri/pid)"'
  start_containerd
  reached "$address"
  equal "$(addresses_of "$pod" | cut -d ' ' -f 1)" "$address"
  remove_pod "$pod"
  equal "$(our_links 1)$(our_routes 1)" ''
}

@test "a pod is not made while the daemon is away, and containerd says why; afterwards it is" {
  lab daemon 1 stop
  fails run_pod early
  shows 'net-routed'
  lab daemon 1 start
  local pod
  pod=$(run_pod late)
  remove_pod "$pod"
  equal "$(our_links 1)$(our_routes 1)" ''
}
