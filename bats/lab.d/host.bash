# A host: cgroup, then namespaces, then a disk, then services. Each step execs the next one.

# Names of one lab do not meet those of another.
cgroup_name() { echo "net-routed-lab-$(cksum <<<"$LAB" | cut -d' ' -f1)-h$1"; }

# The one hierarchy of version 2, or each one of version 1.
cgroup_hierarchies() {
  local hierarchy
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ -e "$hierarchy/cgroup.procs" ] || continue
    echo "$hierarchy"
    [ "$hierarchy" != /sys/fs/cgroup ] || return 0
  done
}

start_host() (
  : >"$LAB/h$1/cgroups"
  for hierarchy in $(cgroup_hierarchies); do
    group=$hierarchy/$(cgroup_name "$1")
    mkdir -p "$group"
    if [ "$hierarchy" = /sys/fs/cgroup ]; then
      delegate_controllers "$hierarchy" "$hierarchy"
      mkdir -p "$group/init"
      echo "$group/init/cgroup.procs" >"$LAB/h$1/cgroups"
    else
      if [ -e "$group/cpuset.cpus" ]; then
        cat "$hierarchy/cpuset.cpus" >"$group/cpuset.cpus"
        cat "$hierarchy/cpuset.mems" >"$group/cpuset.mems"
      fi
      echo "$group/cgroup.procs" >>"$LAB/h$1/cgroups"
    fi
    echo "$BASHPID" >"$group/cgroup.procs"
  done
  exec unshare --cgroup bash "$ME" _cgroup "$1"
)

# delegate_controllers FROM TO - offers the children of TO what FROM has; some controllers refuse, none is essential.
delegate_controllers() {
  local controller
  for controller in $(<"$1/cgroup.controllers"); do
    echo "+$controller" >"$2/cgroup.subtree_control" || :
  done 2>/dev/null
}

# Version 2 allows processes only in leaves: out of the group that the namespace made its root, into its child.
internal_cgroup() {
  load_options
  join_cgroups "$1"
  local group
  group=/sys/fs/cgroup/$(cgroup_name "$1")
  [ ! -e /sys/fs/cgroup/cgroup.procs ] || delegate_controllers "$group" "$group"
  exec nsenter --net="/run/netns/h$1" unshare --mount --uts --ipc --pid --fork bash "$ME" _disk "$1"
}

join_cgroups() {
  local procs
  while read -r procs; do echo "$BASHPID" >"$procs"; done <"$LAB/h$1/cgroups"
}

# enter K CMD... - CMD in host K, as one of its processes.
enter() (
  directory=$(host_directory "$1")
  is_running "$directory/pid" || fail "host $1 is not running"
  pid=$(pid_in "$directory/pid")
  join_cgroups "$1"
  [ -d "/proc/$pid/root$PWD" ] || cd /
  exec nsenter -t "$pid" -m -u -i -n -p -C --wdns="$PWD" -- "${@:2}"
)

# PID 1 of a host, on its own disk.
internal_init() {
  load_options
  start_services "$1"
  touch "$LAB/h$1/ready"
  mkfifo -m 600 /run/never
  # Blocked in its own `read`, bash still reaps the orphans that become its children.
  while :; do read -r _ <>/run/never || :; done
}
