# Debian's stock kernel, unpacked for booting: vmlinux, initrd and lib/modules.

# What the initramfs needs to mount the machine's root; all other modules are loaded from there.
BOOT_MODULES='virtio_pci 9pnet_virtio 9p overlay'

kernel_prepare() { # DIR
  local lock
  mkdir -p "${1%/*}"
  exec {lock}>"$1.lock"
  flock "$lock"
  if [[ ! -s $1/initrd ]]; then
    rm -rf "$1"
    mkdir "$1"
    unpack_kernel "$1"
    extract_vmlinux "$1"
    make_initrd "$1" # last: it tells that the rest is there
  fi
  exec {lock}>&-
}

unpack_kernel() { # DIR
  local package
  package=$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image/ { print $2; exit }')
  (cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg -x ./*.deb . && rm ./*.deb)
  depmod -b "$1" "$(ls "$1/lib/modules")"
}

# QEMU boots the kernel without its wrapper too, and so need not emulate the decompression: two seconds less.
extract_vmlinux() { # DIR
  local image start magic program
  image=$(ls "$1"/boot/vmlinuz-*)
  while read -r magic program; do
    start=$(LC_ALL=C grep -aboP -m 1 "$magic" "$image" | head -n 1 | cut -d: -f1)
    [[ -n $start ]] || continue
    tail -c "+$((start + 1))" "$image" | "$program" -dc >"$1/vmlinux" 2>/dev/null || : # what follows it is not compressed
    ! readelf -h "$1/vmlinux" >/dev/null 2>&1 || return 0
  done <<<'\xFD7zXZ\x00 xz
\x28\xB5\x2F\xFD zstd'
  cp "$image" "$1/vmlinux"
}

make_initrd() { # DIR
  local tree=$1/initrd.d modules=$1/initrd.d/modules file name
  mkdir -p "$tree"/{bin,proc,sys,dev,modules,machine,changes,root,control}
  cp "$(command -v busybox)" "$tree/bin/"
  cp "${BASH_SOURCE[0]%/*}/init" "$tree/init"
  for name in $BOOT_MODULES; do modprobe -d "$1" -S "$(ls "$1/lib/modules")" --show-depends "$name"; done |
    awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
    while read -r file; do
      name=$(basename "$file" .xz)
      case $file in *.xz) xz -dc "$file" ;; *) cat "$file" ;; esac >"$modules/$name"
      echo "$name" >>"$modules/order"
    done
  (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$1/initrd.part"
  rm -r "$tree"
  mv "$1/initrd.part" "$1/initrd"
}
