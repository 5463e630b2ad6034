# The disk of a host: an overlay over the machine's root (or over ENGINE_ROOT), so that no host changes the machine or
# another host, and the disk outlives a power cut.

internal_disk() {
  load_options
  local directory root
  directory=$(host_directory "$1")
  root=$directory/root
  record_self "$directory/pid.new"
  hostname "h$1"
  mount --make-rprivate /
  mount_disk "$directory" "$root"
  [ -e "$directory/installed" ] || install_disk "$directory" "$root" "$1"
  mount_shared "$directory" "$root"
  mount_kernel "$root"
  mv "$directory/pid.new" "$directory/pid"
  cd "$root" || fail "no $root"
  pivot_root . mnt
  exec chroot . bash -c 'umount -l /mnt; exec bash "$@"' - "$ME" _init "$1" <"/dev/null"
}

mount_disk() {
  mkdir -p "$1"/{root,changes,work,docker}
  # After a power cut the last life's mount may take a moment to go.
  wait_for 5 mount -t overlay disk \
    -o "lowerdir=${ENGINE_ROOT:-/},upperdir=$1/changes,workdir=$1/work,index=off" "$2" || fail "no overlay mount"
}

# A freshly installed host: nothing of what the machine's own dockerd, FRR or net-routed have.
install_disk() {
  local root=$2
  rm -rf "$root"/{etc/docker,etc/frr,var/lib/docker,var/lib/containerd,var/lib/net-routed}
  mkdir -p "$root"/{etc/docker,etc/frr,var/lib/docker,var/tmp/frr,mnt}
  rm -f "$root"/etc/{hostname,hosts,resolv.conf}
  echo "h$3" >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n::1 localhost\n192.0.2.%s h%s\n' "$3" "$3" >"$root/etc/hosts"
  : >"$root/etc/resolv.conf"
  if [ -n "$NODE" ] && ! chroot "$root" sh -c "PATH=$PATH command -v node" >/dev/null; then
    mkdir -p "$root/${NODE%/*}"
    cp "$(realpath "$NODE")" "$root$NODE"
  fi
  touch "$1/installed"
}

mount_shared() {
  local shared
  mount --bind "$1/docker" "$2/var/lib/docker"
  for shared in /tmp /usr /opt /home; do
    if [ "$shared" != /tmp ] && { [ -n "$ENGINE_ROOT" ] || ! mountpoint -q "$shared"; }; then continue; fi
    mount --bind "$shared" "$2$shared"
  done
  for shared in "$REPO" "$LAB"; do
    mkdir -p "$2$shared"
    mount --bind "$shared" "$2$shared"
  done
}

mount_kernel() {
  local root=$1 groups path type options
  mount -t tmpfs -o mode=755 run "$root/run"
  mkdir -p "$root"/run/{docker/plugins,netns,lock,frr}
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  # Each fresh, for it shows the namespaces of whoever mounts it.
  groups=$(awk '$5 ~ "^/sys/fs/cgroup" && / - cgroup2? / { print $5, $(NF-2), $NF }' /proc/self/mountinfo)
  mount -t sysfs sysfs "$root/sys"
  if ! grep -q ' cgroup ' <<<"$groups"; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    return
  fi
  mount -t tmpfs cgroup "$root/sys/fs/cgroup"
  while read -r path type options; do
    mkdir -p "$root$path"
    if [ "$type" = cgroup2 ]; then options=rw; fi
    mount -t "$type" -o "${options#rw,}" cgroup "$root$path"
  done <<<"$groups"
}
