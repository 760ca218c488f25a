# Runs as root in the new system, after the packages and rootfs/.
useradd --create-home --user-group --uid 1000 --shell /bin/bash task
systemctl enable tcw-guest-agent.service

# Nobody logs in, nothing is updated in the background, and the machine lives for one task: what else would start only costs time.
systemctl set-default multi-user.target
systemctl mask --quiet \
  getty@.service serial-getty@.service getty.target console-getty.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer \
  systemd-tmpfiles-clean.timer systemd-timesyncd.service systemd-networkd.service systemd-networkd-wait-online.service systemd-resolved.service \
  systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-user-sessions.service \
  systemd-journal-flush.service systemd-journal-catalog-update.service systemd-hwdb-update.service systemd-update-done.service \
  systemd-firstboot.service systemd-sysusers.service systemd-pstore.service systemd-machine-id-commit.service systemd-binfmt.service \
  systemd-logind.service systemd-fsck-root.service systemd-remount-fs.service ldconfig.service \
  proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount

# Empty: the first boot makes one up; every fork of the machine gets its own later.
rm -f /etc/machine-id /var/lib/dbus/machine-id /etc/hostname /var/lib/systemd/random-seed /etc/ssh/ssh_host_*
: >/etc/machine-id
echo debian >/etc/hostname
rm -f /etc/resolv.conf
echo '# Written when the machine gets a network.' >/etc/resolv.conf
