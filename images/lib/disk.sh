# Images with a disk: a Debian root file system in a qcow2 file, and an initramfs that does nothing but find and mount it.

# package_sources: the host's own Debian sources of the suite, a line each; nothing when the host has none for it.
package_sources ()
{
  apt-get indextargets --format 'deb [signed-by=$(SIGNED_BY)] $(REPO_URI) $(CODENAME) $(COMPONENT)' "Created-By: Packages" "Origin: Debian" \
    | sed 's/\[signed-by=\$(SIGNED_BY)\] //' \
    | awk -v suite="$TCW_SUITE" '$3 ~ "^" suite "(-updates|-security)?$" && !seen[$0]++'
}

# prepare_customization: what mmdebstrap's hooks put into the root: $TCW_WORK/files as it shall be there, setup scripts in $TCW_WORK/setup.
prepare_customization ()
{
  files=$TCW_WORK/files
  mkdir -p "$files/usr/sbin" "$files/usr/lib/systemd/system" "$TCW_WORK/setup"
  install -m 0755 "$TCW_AGENT" "$files/usr/sbin/tcw-guest-agent"
  install -m 0644 "$TCW_AGENT_UNIT" "$files/usr/lib/systemd/system/tcw-guest-agent.service"
  mkdir -p "$files/usr/lib/modules"
  cp -R "$kernel_root/lib/modules/$kernel_release" "$files/usr/lib/modules/$kernel_release"
  apply_overlays "$files"
  number=0
  while IFS= read -r folder; do
    number=$((number + 1))
    if [ -f "$folder/setup.sh" ]; then
      cp "$folder/setup.sh" "$TCW_WORK/setup/$(printf '%02d' "$number").sh"
    fi
  done <"$TCW_WORK/chain"
  cat >"$TCW_WORK/customize" <<'HOOK'
set -eu
tar -C "$TCW_WORK/files" --owner=0 --group=0 -cf - . | tar -C "$1" --keep-directory-symlink -xpf -
chroot "$1" depmod -a "$TCW_KERNEL"
for script in "$TCW_WORK"/setup/*.sh; do
  [ -f "$script" ] || continue
  cp "$script" "$1/tcw-setup.sh"
  chroot "$1" sh -eu /tcw-setup.sh
  rm "$1/tcw-setup.sh"
done
HOOK
}

# make_root: sets up Debian and packs it to $TCW_WORK/root.tar.
make_root ()
{
  packages=$(recipe_list packages | paste -s -d ,)
  package_sources >"$TCW_WORK/sources"
  # Without a source of the host's own, mmdebstrap knows Debian's.
  set --
  [ ! -s "$TCW_WORK/sources" ] || set -- "$TCW_WORK/sources"
  TCW_KERNEL=$kernel_release mmdebstrap --quiet --mode=auto --variant=minbase --format=tar --include="$packages" \
    --aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='sh "$TCW_WORK/customize" "$1"' \
    "$TCW_SUITE" "$TCW_WORK/root.tar" "$@" >&2 \
    || die "mmdebstrap could not set up Debian $TCW_SUITE; its messages are above" "check the network and the packages and setup.sh of the recipe"
}

# make_disk: root.tar becomes an ext4 file system in a qcow2 file; no mount and no root is needed, mke2fs fills it by itself.
make_disk ()
{
  raw=$TCW_WORK/disk.raw
  truncate -s "$TCW_DISK_SIZE" "$raw"
  mkdir "$TCW_WORK/root"
  fake=
  xattrs='--xattrs --xattrs-include=*'
  if [ "$(id -u)" -ne 0 ]; then
    require_commands fakeroot
    fake=fakeroot
    # fakeroot forgets what kind of file it is that gets one; without its capability ping works by the sysctl of debian-12.
    xattrs=--no-xattrs
  fi
  # One fakeroot around both: owners that it makes up last only as long as it does.
  RAW=$raw XATTRS=$xattrs $fake sh -euf -c '
    tar -C "$TCW_WORK/root" --exclude="./dev/*" --numeric-owner $XATTRS -xpf "$TCW_WORK/root.tar"
    mke2fs -q -t ext4 -L tcw-root -m 0 -E assume_storage_prezeroed=1,root_owner=0:0 -O ^has_journal -d "$TCW_WORK/root" "$RAW"
  ' >&2 || die "could not make the file system"
  rm -rf "$TCW_WORK/root.tar" "$TCW_WORK/root"
  qemu-img convert -f raw -O qcow2 -o cluster_size=64k,lazy_refcounts=on "$raw" "$TCW_OUT/disk.qcow2" || die "could not write the qcow2 file"
  rm -f "$raw"
}

# make_disk_initramfs: static busybox and the modules without which the disk can't be seen.
make_disk_initramfs ()
{
  early=$TCW_WORK/early
  mkdir -p "$early/bin" "$early/dev" "$early/proc" "$early/sys" "$early/root"
  download busybox-static
  unpack busybox-static "$TCW_WORK/busybox"
  cp "$TCW_WORK/busybox/bin/busybox" "$early/bin/busybox"
  install -m 0755 "$lib/disk-init.sh" "$early/init"
  install_modules "$early"
  pack_initramfs "$early" "$TCW_OUT/initrd"
  cp "$kernel_image" "$TCW_OUT/vmlinuz"
}

build_disk_image ()
{
  require_variables TCW_SUITE TCW_DISK_SIZE TCW_AGENT_UNIT
  require_commands mmdebstrap mke2fs qemu-img tar
  fetch_kernel
  prepare_customization
  step "set up Debian $TCW_SUITE (some minutes)"
  make_root
  step "make the disk"
  make_disk
  step "make the initramfs"
  make_disk_initramfs
}
