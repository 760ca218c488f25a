# Images that live in memory alone: kernel and an initramfs in which the guest agent is the first process.

# pack_initramfs ROOT FILE: adds ROOT to FILE, an archive of which the kernel unpacks all parts one after the other. It isn't
# compressed: an emulated processor unpacks slower than the machine reads, and the image stays small enough.
pack_initramfs ()
{
  (cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) >>"$2" || die "could not pack $2"
}

# install_busybox ROOT: static busybox, with a link for each of its programs.
install_busybox ()
{
  download busybox-static
  unpack busybox-static "$TCW_WORK/busybox"
  mkdir -p "$1/bin" "$1/sbin" "$1/usr/bin" "$1/usr/sbin"
  cp "$TCW_WORK/busybox/bin/busybox" "$1/bin/busybox"
  "$1/bin/busybox" --list-full | while IFS= read -r applet; do
    case $applet in
    bin/busybox | linuxrc | *init) ;;
    *) ln -sf /bin/busybox "$1/$applet" ;;
    esac
  done
}

# run_host_setup ROOT: the recipe's setup.sh files run on the host, inside of ROOT, since there is no package manager in there to need a chroot.
run_host_setup ()
{
  while IFS= read -r folder; do
    if [ -f "$folder/setup.sh" ]; then
      (cd "$1" && sh -eu "$folder/setup.sh") >&2 || die "$folder/setup.sh failed"
    fi
  done <"$TCW_WORK/chain"
}

build_initramfs_image ()
{
  root=$TCW_WORK/root
  fetch_kernel
  step "make the root file system"
  mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/etc" "$root/root" "$root/home" "$root/mnt" "$root/var/tmp" "$root/tmp"
  chmod 0700 "$root/root"
  chmod 1777 "$root/tmp" "$root/var/tmp"
  install_busybox "$root"
  for package in $(recipe_list packages); do
    download "$package"
    unpack "$package" "$root"
  done
  install_modules "$root"
  apply_overlays "$root"
  install -m 0755 "$TCW_AGENT" "$root/init"
  run_host_setup "$root"

  step "pack"
  pack_initramfs "$root" "$TCW_OUT/initrd"
  # The user's home is in a second part, because it belongs to another owner.
  mkdir -p "$TCW_WORK/home/home/task"
  (cd "$TCW_WORK/home" && printf 'home/task\n' | cpio --quiet -o -H newc -R 1000:1000 --reproducible) >>"$TCW_OUT/initrd"
  cp "$kernel_image" "$TCW_OUT/vmlinuz"
}
