# What the files about restarts, moves, crashes, drift, disk and load share: probes, and what a host holds for its containers.

# tell TEXT - shown in the output of a run, also when the test passes.
tell() { echo "# $1" >&3; }

# milliseconds_of CMD... - how long it took; its output goes to standard error.
milliseconds_of() {
  local begin=${EPOCHREALTIME/./}
  "$@" >&2 || return
  echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

pid_of() { docker_on "$1" inspect --format '{{.State.Pid}}' "$2"; }

# probe_start K CONTAINER ADDRESS... - an echo request to each address every millisecond, until probe_end.
probe_start() {
  local pid
  pid=$(pid_of "$1" "$2")
  on "$1" sh -c 'echo $$ >/run/probe; exec nsenter --net="/proc/$0/ns/net" node "$@"' \
    "$pid" "$BATS_DIR/tools/probe.mjs" "${@:3}" >"$BATS_TEST_TMPDIR/probe.$1" 2>&1 3>&- &
  wait_until 5 on "$1" test -s /run/probe
  wait_until 5 on "$1" sh -c 'grep -q node "/proc/$(cat /run/probe)/cmdline"'
}

# probe_end K WHEN - fails if a packet was lost, or if the probe itself had to pause; prints what it counted.
probe_end() {
  on "$1" sh -c 'kill -INT "$(cat /run/probe)" && rm /run/probe'
  wait_until 5 grep -qE '^([^ ]+ [0-9]+ [0-9]+ [0-9]+|.*Error)' "$BATS_TEST_TMPDIR/probe.$1"
  local address sent lost longest status=0
  while read -r address sent lost longest; do
    tell "$2, to $address: $sent packets, $lost lost, none sent for $longest ms at most"
    equal "$lost" 0 && below 500 "$sent" || status=1
  done < <(grep -v ^silence "$BATS_TEST_TMPDIR/probe.$1")
  return "$status"
}

# Everything that a container's traffic depends on: links with their numbers and settings, addresses, neighbours, routes,
# rules; and what was promised to Docker.
plumbing() { on "$1" bash -c '
  for link in $(ip -o link show | grep -oE "nr-[0-9a-f]{12}" | sort -u); do
    echo "$link $(cat "/sys/class/net/$link/ifindex" "/sys/class/net/$link/flags" "/sys/class/net/$link/mtu" | xargs)"
    ip -o addr show dev "$link" | sed "s/^[0-9]*: //"
    ip neigh show dev "$link" nud permanent | sed "s/ *$//;s/^/$link /"
    grep -H . "/proc/sys/net/ipv4/conf/$link/"{forwarding,rp_filter,send_redirects}
  done
  ip route show proto 200 | sort
  cat /proc/sys/net/ipv4/ip_forward
  for table in inet arp; do nft list table "$table" net-routed | grep -v "packets [0-9]"; done
  iptables -S NET-ROUTED; iptables -S | grep -n -- "-j NET-ROUTED"'
  allocations "$1"
}
allocations() { on "$1" bash -c 'cd /var/lib/net-routed && grep -r . network endpoint pool lease setting | sort' |
    grep -v '"state":"released"'; }

# The containers' addresses, one a line, as Docker, the daemon, the daemon's records and the kernel know them.
addresses_by_docker() {
  on "$1" bash -c 'for network in $(docker network ls --quiet --filter driver=net-routed); do
    docker network inspect --format "{{range .Containers}}{{.IPv4Address}} {{end}}" "$network"; done' | xargs -n 1 | sort
}
addresses_by_daemon() { on "$1" "$NET_ROUTED" status --json | jq --raw-output '.endpoints[] | select(.state == "routed") | .addresses[]' | sort; }
addresses_leased() {
  on "$1" bash -c 'cat /var/lib/net-routed/lease/*.json 2>/dev/null' |
    jq --raw-output 'select(.state == "held" and .purpose == "endpoint") | "\(.address)/32"' | sort
}
addresses_routed() { on "$1" ip route show proto 200 | awk '/ dev nr-/ { print $1 "/32" }' | sort; }
NET_ROUTED=$(dirname "$BATS_DIR")/bin/net-routed

# all_agree K - Docker, daemon, records and kernel, and the daemon has nothing to complain of.
all_agree() {
  local docker daemon leased routed
  docker=$(addresses_by_docker "$1")
  daemon=$(addresses_by_daemon "$1")
  leased=$(addresses_leased "$1")
  routed=$(addresses_routed "$1")
  equal "daemon: $daemon" "daemon: $docker" && equal "leased: $leased" "leased: $docker" && equal "routed: $routed" "routed: $docker" &&
    equal "$(our_links "$1" | wc -l)" "$(wc -w <<<"$docker")" &&
    equal "$(on "$1" "$NET_ROUTED" status --json | jq --compact-output '[(.endpoints | length), .faults, .orphans, .broken]')" \
      "[$(wc -w <<<"$docker"),[],[],[]]"
}

# mark_log K - later calls of `logged` and `count_logged` look only at what comes after.
mark_log() { wc -l <"$LAB/h$1/daemon.log" >"$BATS_TEST_TMPDIR/mark.$1"; }
log_since_mark() { tail -n "+$(($(cat "$BATS_TEST_TMPDIR/mark.$1") + 1))" "$LAB/h$1/daemon.log"; }
count_logged() { log_since_mark "$1" | grep -cE -- "$2" || :; }

# configure K SECTION - restarts the daemon of host K with a section `routing`.
configure() {
  # The section may be several lines.
  on "$1" sh -c '{ echo routing:; sed "s/^/  /"; } >/etc/net-routed.yaml' <<<"$2"
  lab daemon "$1" restart --config /etc/net-routed.yaml
  wait_until 10 on "$1" "$NET_ROUTED" routing --diff
}
