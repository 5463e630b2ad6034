#!/usr/bin/env bats
# dockerd ends in every way there is, without live-restore (host 1) and with it (host 2). What Docker believes afterwards,
# what the daemon says, what its records promise and what the kernel holds is the same, and addresses come back.

load helpers
load probe

HOSTS='1 2'

setup_file() {
  export FRR=''
  lab_up 2
  lab dockerd 2 restart --live-restore
}

setup() { each_host make_containers; }

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || { show_logs; grep -h 'level=error' "$LAB"/h*/dockerd.log | tail -n 10; }
  each_host start_what_is_down
  clean
}

# each_host CMD... - on both at once; fails if it fails on one.
each_host() {
  local host pids=() status=0
  for host in $HOSTS; do
    "$@" "$host" &
    pids+=($!)
  done
  for host in "${pids[@]}"; do wait "$host" || status=1; done
  return $status
}

make_containers() {
  create_network "$1" mine 10.1.0.0/16
  create_container "$1" never mine --ip 10.1.0.1
  create_container "$1" always mine --ip 10.1.0.2 --restart always
  create_container "$1" failure mine --restart on-failure
}

flags_of() { [ "$1" = 1 ] || echo --live-restore; }
# shellcheck disable=SC2046 # no word, or one
dockerd() { lab dockerd "$2" "$1" $(flags_of "$2"); }

start_what_is_down() {
  on "$1" true || lab boot "$1"
  on "$1" "$NET_ROUTED" status >/dev/null 2>&1 || lab daemon "$1" restart
  on "$1" docker version >/dev/null 2>&1 || dockerd start "$1"
}

# comes_to_rest K - which containers come back is Docker's; all agree about those.
comes_to_rest() {
  wait_until 15 pings "$1" always "192.0.2.$1" && wait_until 15 all_agree "$1"
}
# containers_stayed K - the containers of host 2 have not even noticed.
containers_stayed() { [ "$1" = 1 ] || equal "$(docker_on "$1" ps --quiet | wc -l)" 3; }

# gives_addresses_back K - all of them, in Docker's way.
gives_addresses_back() {
  docker_on "$1" rm --force never always failure >/dev/null && all_agree "$1" && equal "$(addresses_leased "$1")" '' || return
  create_container "$1" new mine --ip 10.1.0.2 && all_agree "$1"
}

# ends_and_starts K END... - of dockerd, and looks after each.
ends_and_starts() {
  local end
  for end in "${@:2}"; do
    case $end in
      restart) dockerd restart "$1" ;;
      restore) kill_while_it_restores "$1" ;;
      *) dockerd "$end" "$1" && dockerd start "$1" ;;
    esac
    if ! comes_to_rest "$1" || ! containers_stayed "$1"; then
      echo "after $end on host $1" >&2
      return 1
    fi
  done
  gives_addresses_back "$1"
}

# A second crash, before dockerd has cleaned up after the first.
kill_while_it_restores() {
  dockerd kill "$1"
  dockerd start "$1" >/dev/null 2>&1 3>&- &
  local start=$!
  wait_until 10 on "$1" pgrep --exact dockerd
  dockerd kill "$1"
  wait $start || : # dockerd may have been quicker
  dockerd start "$1"
}

@test "dockerd stopped, killed, restarted, and killed twice" {
  on_each_host ends_and_starts stop kill restart restore
}
on_each_host() {
  "$1" 1 "${@:2}" & local first=$!
  "$1" 2 "${@:2}"
  wait $first
}

power_cut() {
  lab kill "$1"
  lab boot "$1"
}

@test "the host's power cut" {
  HOSTS=1
  each_host power_cut
  each_host comes_to_rest
  each_host gives_addresses_back
}

kill_containers() {
  local pid
  for pid in $(on "$1" pgrep --full '^sleep 100000$'); do on "$1" kill -KILL "$pid"; done
}

@test "containers killed while dockerd is down" {
  each_host dockerd kill
  each_host kill_containers
  each_host dockerd start
  each_host comes_to_rest
  each_host gives_addresses_back
}

stop_everything() {
  lab dockerd "$1" kill
  lab daemon "$1" kill
  lab daemon "$1" start
  dockerd start "$1"
}

@test "dockerd and the daemon killed together" {
  each_host stop_everything
  each_host comes_to_rest
  containers_stayed 2
  each_host gives_addresses_back
}

@test "dockerd started without the daemon" {
  HOSTS=1
  docker_on 1 rm --force always failure
  lab dockerd 1 stop
  lab daemon 1 stop
  local with without
  lab daemon 1 start
  with=$(milliseconds_of lab dockerd 1 start)
  # 15 s are what the engine itself takes to give up a driver. Somebody else's work may delay a start, but not three.
  for _ in 1 2 3; do
    lab dockerd 1 stop
    lab daemon 1 stop
    mark_dockerd_log
    without=$(milliseconds_of lab dockerd 1 start)
    succeeds docker_on 1 ps
    lab daemon 1 start
    tell "dockerd starts in $with ms with the daemon, in $without ms without it; one network, no container to start"
    equal "$(lookups_given_up)" 1
    [ $((without - with)) -ge 16000 ] || break
  done
  below $((without - with)) 16000
  docker_on 1 start never
  all_agree 1
}
mark_dockerd_log() { wc -l <"$LAB/h1/dockerd.log" >"$BATS_TEST_TMPDIR/mark"; }
# How often dockerd has waited for a driver until the end.
lookups_given_up() { tail -n +"$(($(cat "$BATS_TEST_TMPDIR/mark") + 1))" "$LAB/h1/dockerd.log" | grep -c 'retrying in 8s'; }

# without_daemon K CMD... - while somebody else grants what Docker asks for.
without_daemon() {
  lab daemon "$1" stop
  on "$1" sh -c 'echo $$ >/run/yes-man; exec node "$@"' - \
    "$BATS_DIR/tools/yes-man.mjs" /run/docker/plugins/{net,ipam}-routed.sock 3>&- &
  wait_until 5 on "$1" test -S /run/docker/plugins/ipam-routed.sock
  "${@:2}"
  on "$1" sh -c 'kill "$(cat /run/yes-man)"; rm -f /run/docker/plugins/*'
  lab daemon "$1" start
}

@test "a network removed without the daemon: nothing of it is in the kernel, and its subnet comes back" {
  HOSTS=1
  docker_on 1 rm --force never always failure
  without_daemon 1 docker_on 1 network rm mine
  equal "$(docker_on 1 network ls --quiet --filter driver=net-routed)" ''
  equal "$(our_links 1)$(our_routes 1)" ''
  fails create_network 1 again 10.1.0.0/16
  shows 'net-routed forget [0-9a-f]{12}'
  on 1 "$NET_ROUTED" forget "$(grep -oE 'forget [0-9a-f]{12}' <<<"$output" | cut -d' ' -f2)"
  create_network 1 again 10.1.0.0/16
  create_container 1 one again --ip 10.1.0.1
  all_agree 1
  equal "$(on 1 "$NET_ROUTED" status --json | jq '.networks | length')" 1
}

# As if it had been written so many minutes ago: what is given up, is given up late.
age() {
  on "$1" bash -c 'cd /var/lib/net-routed && for file in {lease,endpoint}/*.json; do
    sed -i "s/\"since\":\"[^\"]*\"/\"since\":\"$(date --utc --date="-$1 minutes" +%FT%T.000Z)\"/" "$file"; done' - "$2"
}

@test "containers removed, and links lost, without the daemon: only addresses that nobody has come back (SLOW=1)" {
  [ -n "${SLOW:-}" ] || skip 'takes a minute and a half'
  HOSTS=1
  without_daemon 1 age_and_lose
  succeeds on 1 "$NET_ROUTED" status
  shows '^lost +10\.1\.0\.2'
  pings 1 failure 192.0.2.1
  # The address of the removed container is free when two sweeps have seen that it is dead.
  wait_until 70 eval '! has_route 1 10.1.0.1'
  wait_until 70 create_container 1 again mine --ip 10.1.0.1
  # The other one still runs, and Docker believes that it has its address.
  sleep 35 # another sweep
  fails create_container 1 thief mine --ip 10.1.0.2
  docker_on 1 rm --force thief
  docker_on 1 rm --force always
  create_container 1 heir mine --ip 10.1.0.2
  pings 1 heir 192.0.2.1
}
age_and_lose() {
  docker_on 1 rm --force never
  on 1 sh -c 'ip link delete "$(ip route show 10.1.0.2 | grep -oE "nr-[0-9a-f]{12}")"'
  age 1 11
}
