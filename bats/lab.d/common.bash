# Small things every part of the lab needs.

fail() {
  echo "lab: $*" >&2
  exit 1
}

# wait_for SECONDS CMD... - until CMD succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# A pid alone may be another process by the time it is used; with its start time it may not. A zombie is nobody: whoever
# adopted it may be slow to reap, and the PID 1 of a namespace becomes one only after all others are gone.
identity() {
  local stat
  stat=$(<"/proc/$1/stat") || return 1
  # shellcheck disable=SC2086 # the fields after the name, the start time being the 20th
  set -- "$1" ${stat##*) }
  [ "$2" != Z ] && echo "$1 ${21}"
}

# record_self FILE - the identity of this shell as the machine sees it: /proc is still the machine's when this is called.
record_self() {
  local pid
  read -r pid _ </proc/self/stat
  identity "$pid" >"$1"
}

# is_running FILE - whether the process whose identity FILE holds still exists.
is_running() {
  local wanted
  [ -s "$1" ] && wanted=$(<"$1") && [ "$(identity "${wanted%% *}" 2>/dev/null)" = "$wanted" ]
}

pid_in() {
  local pid
  read -r pid _ <"$1"
  echo "$pid"
}

# A test runner waits until everybody has closed the descriptors it handed out.
close_inherited() {
  local fd
  for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || [ "$fd" = 255 ] || eval "exec $fd>&-"
  done
}

host_directory() {
  [[ $1 =~ ^[1-9][0-9]*$ ]] || fail "no host number: $1"
  echo "$LAB/h$1"
}
