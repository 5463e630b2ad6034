# The switch: PID 1 of the lab, in whose PID namespace every other process lives. One SIGKILL ends them all.

internal_switch() {
  load_options
  mount --make-rprivate /
  mount -t tmpfs run /run
  ip link set lo up
  ip link add br0 type bridge
  ip link set br0 up
  record_self "$LAB/switch.new"
  exec 3<>"$LAB/requests"
  mv "$LAB/switch.new" "$LAB/switch"
  local host
  while read -r host <&3; do
    plug_in "$host"
    lay_cables "$host"
    start_host "$host" </dev/null >>"$LAB/h$host/log" 2>&1 3>&- &
  done
}

# A new network namespace each time: a machine that boots has no rules or bridges of its last life.
plug_in() {
  ip netns add "h$1"
  # The others remember the address of a machine that was switched off.
  ip link add "h$1" type veth peer name eth0 address "$(printf '02:00:c0:00:02:%02x' "$1")" netns "h$1"
  ip link set "h$1" master br0 up
  nsenter --net="/run/netns/h$1" bash -c "
    for key in ip_forward=0 conf.all.rp_filter=0 conf.default.rp_filter=$RP_FILTER conf.eth0.rp_filter=$RP_FILTER; do
      path=\${key%=*}; echo \${key#*=} >/proc/sys/net/ipv4/\${path//./\/}
    done
    echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad"
  ip -n "h$1" link set lo up
  ip -n "h$1" link set eth0 up
  ip -n "h$1" address add "192.0.2.$1/24" dev eth0
  ip -n "h$1" address add "2001:db8::$1/64" dev eth0
}

# lay_cables K - those of host K whose other end is there.
lay_cables() {
  local cable first second number=0
  for cable in $CABLES; do
    number=$((number + 1))
    first=${cable%=*} second=${cable#*=}
    [ "${first%:*}" = "$1" ] || [ "${second%:*}" = "$1" ] || continue
    if [ ! -e "/run/netns/h${first%:*}" ] || [ ! -e "/run/netns/h${second%:*}" ]; then continue; fi
    ip link add "${first#*:}" netns "h${first%:*}" type veth peer name "${second#*:}" netns "h${second%:*}"
    plug_cable "h${first%:*}" "${first#*:}" "$number" 1
    plug_cable "h${second%:*}" "${second#*:}" "$number" 2
  done
}

# plug_cable NETNS LINK NUMBER END
plug_cable() {
  nsenter --net="/run/netns/$1" sh -c "cd /proc/sys/net/ipv6/conf/$2; echo 0 >accept_dad; echo 1 >keep_addr_on_down"
  ip -n "$1" link set "$2" up
  ip -n "$1" address add "203.0.113.$(($3 * 4 + $4))/30" dev "$2"
  ip -n "$1" address add "2001:db8:$3::$4/64" dev "$2"
}

unplug() {
  nsenter -t "$(pid_in "$LAB/switch")" -m -n sh -c "ip link delete h$1; ip netns delete h$1"
}
