# The router of a host: FRR set up as Debian's service does it, or BIRD.

start_router() {
  case " $BIRD " in
    *" $1 "*) start_bird "$1" ;;
    *) [ -z "$FRR" ] || start_frr "$1" ;;
  esac
}

start_frr() {
  install_frr_conf "$1"
  launch_frr
  check_frr
}

install_frr_conf() {
  echo 'service integrated-vtysh-config' >/etc/frr/vtysh.conf
  render "$FRR_CONF" "$1" >/etc/frr/frr.conf
  mkdir -p /var/log/frr /var/tmp/frr
  chown -R frr:frr /etc/frr /run/frr /var/log/frr /var/tmp/frr
}

# FRR 10 keeps a part of the configuration in a daemon of its own.
frr_daemons() {
  [ ! -x /usr/lib/frr/mgmtd ] || echo mgmtd
  # shellcheck disable=SC2086 # words on purpose
  printf '%s\n' $FRR
}

launch_frr() {
  local daemon
  for daemon in $(frr_daemons); do
    : >"/etc/frr/$daemon.conf"
    # shellcheck disable=SC2086 # words on purpose
    if [ "$daemon" = zebra ]; then set -- $ZEBRA_ARGS; else set --; fi
    "/usr/lib/frr/$daemon" -d "$@"
  done
  vtysh -b
}

# end_frr SIGNAL
end_frr() {
  local daemon pid
  for daemon in $(frr_daemons | tac); do
    pid=$(cat "/run/frr/$daemon.pid" 2>/dev/null) || continue
    kill -s "$1" "$pid" 2>/dev/null || continue
    wait_for 20 not kill -0 "$pid" || fail "$daemon does not end"
    rm -f "/run/frr/$daemon.pid"
  done
}

router_start() { launch_frr; }
router_stop() { end_frr TERM; }
router_kill() { end_frr KILL; }
router_restart() { end_frr TERM && launch_frr; }

# Some lines are silently not taken, above all timers: what runs is what was written, or the host does not start.
check_frr() {
  local line running
  running=$(vtysh -c 'show running-config')
  while read -r line; do
    case $line in '' | '!'* | exit* | end | log*) continue ;; esac
    grep -qxF -- "$line" <<<"${running//$'\n' /$'\n'}" || fail "FRR did not take: $line"
  done </etc/frr/frr.conf
}

start_bird() {
  mkdir -p /run/bird
  render "$PARTS/bird.conf" "$1" >/etc/bird/bird.conf
  bird -c /etc/bird/bird.conf -s /run/bird/bird.ctl
}

render() { sed "s/@K@/$2/g; s/@NETWORK@/$OSPF_NETWORK/g; /ospf network broadcast/d" "$1"; } # FRR hides a default

# Whether the lab itself has set up OSPF; if not, its user does, or does without.
configures_ospf() { grep -q "^router ospf" "$FRR_CONF"; }

# Whether host K has every other router as a full neighbour.
has_neighbours() {
  local full wanted=$((HOSTS - 1))
  case " $BIRD " in
    *" $1 "*) full=$(birdc -s /run/bird/bird.ctl show ospf neighbors | grep -c Full/) ;;
    *) full=$(vtysh -c 'show ip ospf neighbor' | grep -c Full/) ;;
  esac
  [ "$full" -ge "$wanted" ]
}
