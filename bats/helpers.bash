# What all bats files share: one lab per file, commands in its hosts, and assertions that show what they saw.

bats_require_minimum_version 1.5.0

BATS_DIR=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# Of its own for each checkout, engine and file, and the same in the next run, which removes what a killed one left.
LAB=/tmp/net-routed-bats-$(cksum <<<"$BATS_DIR ${ENGINE_ROOT:-}" | cut -d' ' -f1)-$(basename "$BATS_TEST_FILENAME" .bats)
export LAB

lab() { "$BATS_DIR/lab" "$@"; }
on() { lab on "$@"; }
docker_on() { lab on "$1" docker "${@:2}"; }

# lab_up N - a fresh lab; its options are variables, as `lab` describes them.
lab_up() {
  lab down
  lab up "$1"
}

# The defaults; a file may define its own.
teardown_file() { lab down; }
teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  clean
}

show_logs() {
  local log
  for log in "$LAB"/h*/daemon.log; do
    [ ! -e "$log" ] || { echo "--- the end of $log" && tail -n 6 "$log"; }
  done
}

# Removes the containers and networks of all hosts.
clean() {
  local directory
  for directory in "$LAB"/h*; do
    [ ! -e "$directory/ready" ] || on "${directory##*/h}" bash -c '
      docker info >/dev/null 2>&1 || exit 0
      containers=$(docker ps --all --quiet)
      [ -z "$containers" ] || docker rm --force --volumes $containers >/dev/null
      docker network prune --force >/dev/null' &
  done
  wait
}

# create_network K NAME SUBNET [FLAG...] - as the README does it.
create_network() {
  docker_on "$1" network create --internal --driver=net-routed --ipam-driver=ipam-routed --subnet "$3" "${@:4}" "$2" \
    >/dev/null
}

# create_container K NAME NETWORK [FLAG...] - one that does nothing, and stops at once when told.
create_container() {
  docker_on "$1" run --detach --name "$2" --net "$3" --stop-signal KILL "${@:4}" busybox sleep 100000 >/dev/null
}

# run_in K CONTAINER CMD...
run_in() { docker_on "$1" exec "${@:2}"; }

address_of() { docker_on "$1" inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$2" | xargs; }
address6_of() { docker_on "$1" inspect --format '{{range .NetworkSettings.Networks}}{{.GlobalIPv6Address}} {{end}}' "$2" | xargs; }
# The gateway that container CONTAINER of host K uses.
gateway_of() { run_in "$1" "$2" ip route show default | awk '{ print $3; exit }'; }
our_links() { on "$1" sh -c 'ip -o link show | grep -oE "nrc?-?[0-9a-f]{12}" | sort -u'; }
our_routes() { on "$1" ip route show proto 200; }

# pings K CONTAINER ADDRESS - whether the address answers the container.
pings() { run_in "$1" "$2" ping -c 1 -W 2 "$3" >/dev/null; }
# first_ping K NETWORK ADDRESS [FLAG...] - milliseconds the first packet of a new container takes to come back.
first_ping() {
  docker_on "$1" run --rm --net "$2" "${@:4}" busybox ping -c 1 -W 2 "$3" | sed -n 's/.*time=\([0-9.]*\) ms/\1/p'
}
# example NAME FILE - the fenced block behind `<!-- example: NAME -->`.
example() { awk -v mark="<!-- example: $1 -->" '$0 == mark { wanted = 1 } wanted && /^```/ { if (inside) exit; inside = 1; next } inside' "$2"; }
median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

# wait_until SECONDS CMD... - polls; the deadline is a failure that shows the last output.
wait_until() {
  local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
  shift
  until run "$@" && [ "$status" -eq 0 ]; do
    [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || { report "not within the deadline: $*"; return 1; }
    sleep 0.05
  done
}
not() { ! "$@"; }
has_route() { on "$1" ip route show "$2" | grep -q .; }

report() {
  echo "$1" >&2
  [ -z "${output:-}" ] || printf '  | %s\n' "${output//$'\n'/$'\n  | '}" >&2
}

# succeeds CMD..., fails CMD... - runs it and keeps its output for the next assertions.
succeeds() {
  run "$@"
  [ "$status" -eq 0 ] || { report "exit status $status of: $*"; return 1; }
}
fails() {
  run "$@"
  [ "$status" -ne 0 ] || { report "should have failed: $*"; return 1; }
}
equal() { [ "$1" = "$2" ] || { printf 'is:     %s\nshould: %s\n' "$1" "$2" >&2; return 1; }; }
differ() { [ "$1" != "$2" ] || { echo "both are: $1" >&2; return 1; }; }
# shows REGEX, hides REGEX - about the output of the last command.
shows() { grep -qE -- "$1" <<<"$output" || { report "not shown: $1"; return 1; }; }
hides() { ! grep -qE -- "$1" <<<"$output" || { report "should not be shown: $1"; return 1; }; }
matches() { grep -qE -- "$2" <<<"$1" || { echo "'$1' does not match $2" >&2; return 1; }; }
# below NUMBER LIMIT - of decimal fractions.
below() { awk -v a="${1:-none}" -v b="$2" 'BEGIN { exit !(a + 0 == a && a < b) }' || { echo "$1 is not below $2" >&2; return 1; }; }
