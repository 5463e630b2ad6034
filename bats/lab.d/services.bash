# The services of a host, all run inside it.

start_services() {
  start_router "$1" &
  local router=$!
  # A stock engine first asks for its drivers when it starts: they must listen by then.
  [ -z "$DAEMON" ] || is_router "$1" || daemon_start "$1"
  if [ "$DOCKER" != 0 ] && ! is_router "$1"; then
    dockerd_start "$1"
    docker image inspect alpine >/dev/null 2>&1 || import_image
  fi
  wait "$router"
  [ -z "$FRR" ] || ! configures_ospf || wait_for 60 has_neighbours "$1" || fail "host $1: OSPF neighbours missing"
}

is_router() { [[ " $ROUTERS " == *" $1 "* ]]; }

import_image() {
  docker import -c 'CMD ["sh"]' "$LAB/image.tar" busybox >/dev/null
  docker tag busybox alpine
}

internal_service() {
  load_options
  "$1_$3" "$2" "${@:4}"
}

# run_service NAME K CMD... - CMD as a background process with a log and a pid file.
run_service() {
  (
    close_inherited
    exec setsid "${@:3}" </dev/null >>"$LAB/h$2/$1.log" 2>&1
  ) &
  identity $! >"/run/$1.lab"
}

# end_service NAME SIGNAL
end_service() {
  is_running "/run/$1.lab" || return 0
  kill -s "$2" "$(pid_in "/run/$1.lab")"
  wait_for 30 not is_running "/run/$1.lab" || fail "$1 does not end"
}

not() { ! "$@"; }

# await_service NAME K CMD... - until CMD succeeds; its end is a failure at once.
await_service() {
  wait_for 60 ready_or_over "$@" && is_running "/run/$1.lab" && return
  tail -n 20 "$LAB/h$2/$1.log" >&2
  fail "$1 of host $2 did not start"
}

ready_or_over() { "${@:3}" || ! is_running "/run/$1.lab"; }

daemon_start() {
  local flags=("${@:2}")
  # shellcheck disable=SC2206 # words on purpose
  [ $# -gt 1 ] || flags=($DAEMON_ARGS)
  # shellcheck disable=SC2086 # the same
  run_service daemon "$1" $DAEMON "${flags[@]}"
  await_service daemon "$1" plugin_listens
}
daemon_stop() { end_service daemon TERM; }
daemon_kill() { end_service daemon KILL; }
daemon_restart() { daemon_stop "$1" && daemon_start "$@"; }

# Two sockets that accept; a file that a killed daemon left does not count.
plugin_listens() { [ "$(awk '$4 == "00010000" && $8 ~ "/docker/plugins/"' /proc/net/unix | wc -l)" -ge 2 ]; }

dockerd_start() {
  local flags=("${@:2}")
  # shellcheck disable=SC2206 # words on purpose
  [ $# -gt 1 ] || flags=($DOCKERD_ARGS)
  run_service dockerd "$1" dockerd "${flags[@]}"
  await_service dockerd "$1" docker version
}
dockerd_stop() { end_service dockerd TERM; }
dockerd_kill() { end_service dockerd KILL; }
dockerd_restart() { dockerd_stop "$1" && dockerd_start "$@"; }
