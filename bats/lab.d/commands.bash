# The commands a user types.

command_up() {
  [[ ${1:-} =~ ^[1-9][0-9]?$ ]] || fail "up needs a number of hosts"
  [ "$UID" = 0 ] || fail "needs root"
  [ ! -e "$LAB" ] || fail "$LAB exists (lab down)"
  mkdir -p "$LAB"
  trap command_down ERR
  trap 'command_down; exit 130' INT TERM
  trap 'status=$?; [ "$status" = 0 ] || command_down' EXIT
  set_options "$1"
  [ "$DOCKER" = 0 ] || make_image "$LAB/image.tar"
  start_switch
  local host
  for host in $(seq "$1"); do request_host "$host"; done
  for host in $(seq "$1"); do await_host "$host"; done
  trap - ERR INT TERM EXIT
}

start_switch() {
  mkfifo "$LAB/requests"
  (
    close_inherited
    identity "$BASHPID" >"$LAB/launcher"
    exec setsid unshare --net --mount --uts --ipc --pid --fork --kill-child bash "$ME" _switch
  ) </dev/null >"$LAB/log" 2>&1 &
  wait_for 10 test -e "$LAB/switch" || fail "the switch did not start: $(tail -n 3 "$LAB/log")"
}

request_host() {
  mkdir -p "$LAB/h$1"
  rm -f "$LAB/h$1"/{pid,ready}
  echo "$1" >"$LAB/requests"
}

await_host() {
  wait_for 120 ready_or_dead "$1" && [ -e "$LAB/h$1/ready" ] && return
  tail -n 20 "$LAB/h$1/log" >&2
  fail "host $1 did not come up"
}

ready_or_dead() {
  local directory=$LAB/h$1
  [ -e "$directory/ready" ] || { [ -e "$directory/pid" ] && ! is_running "$directory/pid"; }
}

command_boot() {
  load_options
  local directory
  directory=$(host_directory "$1")
  ! is_running "$directory/pid" || fail "host $1 is running"
  request_host "$1"
  await_host "$1"
}

command_kill() {
  load_options
  local directory
  directory=$(host_directory "$1")
  is_running "$directory/pid" || fail "host $1 is not running"
  kill -KILL "$(pid_in "$directory/pid")"
  wait_for 10 not is_running "$directory/pid" || fail "host $1 does not end"
  unplug "$1"
}

command_on() { enter "$@"; }

command_net() {
  local pid_file=$LAB/switch
  [ "$1" = switch ] || pid_file=$(host_directory "$1")/pid
  is_running "$pid_file" || fail "no such host: $1"
  exec nsenter -t "$(pid_in "$pid_file")" -n -- "${@:2}"
}

command_daemon() { service daemon "$@"; }
command_dockerd() { service dockerd "$@"; }
command_router() { service router "$@"; }

service() {
  case ${3:-} in start | stop | kill | restart) ;; *) fail "$1 K start|stop|kill|restart" ;; esac
  enter "$2" bash "$ME" _service "$1" "$2" "${@:3}"
}

command_down() {
  trap - ERR INT TERM EXIT
  local file
  for file in "$LAB/switch" "$LAB/launcher"; do
    is_running "$file" || continue
    kill -KILL "$(pid_in "$file")" 2>/dev/null || :
    wait_for 10 not is_running "$file" || fail "a process of $LAB does not end"
  done
  local host
  for host in "$LAB"/h*; do
    [ ! -d "$host" ] || wait_for 10 remove_cgroups "${host##*/h}" || fail "a cgroup of $LAB is in use"
  done
  wait_for 10 rm -rf "$LAB" || fail "cannot remove $LAB"
}

remove_cgroups() {
  local hierarchy group status=0
  for hierarchy in $(cgroup_hierarchies); do
    group=$hierarchy/$(cgroup_name "$1")
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + || status=1
  done
  return $status
}

make_image() {
  local tree applet
  tree=$(mktemp -d -p "$LAB")
  mkdir -p "$tree"/{bin,dev,etc,proc,root,sys,tmp,var}
  cp "$(command -v busybox)" "$tree/bin/"
  for applet in $(busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"; done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
  echo 'root:x:0:' >"$tree/etc/group"
  tar -C "$tree" -cf "$1" .
  rm -r "$tree"
}
