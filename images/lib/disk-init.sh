#!/bin/busybox sh
# First process of an image with a disk: loads the drivers, mounts the root file system, and hands over to its init.
bb=/bin/busybox
$bb mount -t devtmpfs -o mode=0755,nosuid dev /dev
$bb mount -t proc -o nosuid,nodev,noexec proc /proc
$bb mount -t sysfs -o nosuid,nodev,noexec sys /sys
while read -r module; do
  $bb insmod "$module" || echo "could not load $module"
done </etc/tcw-modules
# A disk can take a moment after its driver.
tries=0
until device=$($bb findfs LABEL=tcw-root 2>/dev/null); do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ]; then
    echo "no disk has a file system with the label tcw-root"
    $bb poweroff -f
  fi
  $bb usleep 100000
done
$bb mount -t ext4 -o rw,noatime "$device" /root || $bb poweroff -f
$bb mount -o move /dev /root/dev
$bb mount -o move /proc /root/proc
$bb mount -o move /sys /root/sys
exec $bb switch_root /root /sbin/init
