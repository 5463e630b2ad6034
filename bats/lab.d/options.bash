# What `up` was asked for. It is kept in $LAB/options, so that the other commands need no environment.

OPTIONS=(DAEMON DAEMON_ARGS DOCKER DOCKERD_ARGS ENGINE_ROOT FRR FRR_CONF BIRD ROUTERS CABLES OSPF_NETWORK RP_FILTER ZEBRA_ARGS HOSTS)

# shellcheck disable=SC2034 # used by the other parts
set_options() {
  HOSTS=$1
  DAEMON=${DAEMON-$REPO/bin/net-routed serve}
  DAEMON_ARGS=${DAEMON_ARGS-}
  DOCKER=${DOCKER:-1}
  DOCKERD_ARGS=${DOCKERD_ARGS-}
  ENGINE_ROOT=${ENGINE_ROOT-}
  FRR=${FRR-zebra ospfd}
  FRR_CONF=$(realpath "${FRR_CONF:-$PARTS/frr.conf}")
  BIRD=${BIRD-}
  ROUTERS=${ROUTERS-}
  CABLES=${CABLES-}
  check_cables
  # Without the election of a designated router neighbours meet in 1.5 s, not 9; BIRD has no multicast for that type.
  [ -n "$BIRD" ] || OSPF_NETWORK=${OSPF_NETWORK:-point-to-multipoint}
  OSPF_NETWORK=${OSPF_NETWORK:-broadcast}
  RP_FILTER=${RP_FILTER:-2}
  # zebra loses kernel events with its default buffer when thousands of routes change at once; and by default it deletes an
  # IPv6 route before it adds another one in its place.
  ZEBRA_ARGS=${ZEBRA_ARGS--s 90000000 --v6-rr-semantics}
  # shellcheck disable=SC2206 # words on purpose
  local daemon=($DAEMON)
  [ -z "$DAEMON" ] || command -v "${daemon[0]}" >/dev/null || fail "no such command: ${daemon[0]} (make build)"
  [ -e "$FRR_CONF" ] || fail "no such file: $FRR_CONF"
  [ -z "$ENGINE_ROOT" ] || [ -x "$ENGINE_ROOT/bin/bash" ] || fail "no root file system: $ENGINE_ROOT"
  declare -p "${OPTIONS[@]}" | sed 's/^declare -[^ ]*/declare -g/' >"$LAB/options"
}

check_cables() {
  local cable
  for cable in $CABLES; do
    [[ $cable =~ ^[1-9][0-9]*:[a-z0-9]{1,15}=[1-9][0-9]*:[a-z0-9]{1,15}$ ]] || fail "no cable: $cable (1:eth1=2:eth1)"
  done
}

load_options() {
  [ -e "$LAB/options" ] || fail "no lab at $LAB (lab up N)"
  # shellcheck source=/dev/null
  source "$LAB/options"
}

# The machine may have other docker clients in /usr/local. Its node may be anywhere.
NODE=$(command -v node || :)
PATH=/usr/sbin:/usr/bin:/sbin:/bin${NODE:+:${NODE%/*}}
unset DOCKER_HOST DOCKER_CONTEXT
