# The router of a host: FRR set up as Debian's service does it, or BIRD.

start_router() {
  case " $BIRD " in
    *" $1 "*) start_bird "$1" ;;
    *) [ -z "$FRR" ] || start_frr "$1" ;;
  esac
}

start_frr() {
  local daemon
  echo 'service integrated-vtysh-config' >/etc/frr/vtysh.conf
  render "$FRR_CONF" "$1" >/etc/frr/frr.conf
  mkdir -p /var/log/frr /var/tmp/frr
  chown -R frr:frr /etc/frr /run/frr /var/log/frr /var/tmp/frr
  for daemon in $FRR; do
    : >"/etc/frr/$daemon.conf"
    # zebra loses kernel events with its default buffer when thousands of routes change at once.
    if [ "$daemon" = zebra ]; then set -- "$1" -s 90000000; else set -- "$1"; fi
    "/usr/lib/frr/$daemon" -d "${@:2}"
  done
  vtysh -b
  check_frr
}

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

# Whether host K has every other router as a full neighbour.
has_neighbours() {
  local full wanted=$((HOSTS - 1))
  case " $BIRD " in
    *" $1 "*) full=$(birdc -s /run/bird/bird.ctl show ospf neighbors | grep -c Full/) ;;
    *) full=$(vtysh -c 'show ip ospf neighbor' | grep -c Full/) ;;
  esac
  [ "$full" -ge "$wanted" ]
}
