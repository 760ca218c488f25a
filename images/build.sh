#!/bin/sh
# Builds the files of one image from its recipe; run by `taskcluster-worker image build`, which checks the recipe, passes it on in
# the environment and writes the manifest afterwards. Needs no root where mmdebstrap needs none. Docs: docs/images.md.
#
#   TCW_KIND      initramfs | disk         TCW_OUT       existing, empty folder for the finished files
#   TCW_CHAIN     folders of the recipe,   TCW_WORK      existing, empty folder for everything else
#                 base first, one a line   TCW_AGENT     the guest agent, a static binary
#   TCW_SUITE     Debian suite             TCW_AGENT_UNIT  its systemd unit (disk only)
#   TCW_DISK_SIZE bytes (disk only)
set -eu
umask 022

lib=$(dirname "$(readlink -f "$0")")/lib
. "$lib/common.sh"
. "$lib/kernel.sh"
. "$lib/initramfs.sh"
. "$lib/disk.sh"

trap report_exit EXIT
require_variables TCW_KIND TCW_CHAIN TCW_OUT TCW_WORK TCW_AGENT
require_commands apt-get apt-cache dpkg-deb cpio sort tr

case $TCW_KIND in
initramfs) build_initramfs_image ;;
disk) build_disk_image ;;
*) die "no such kind of image: $TCW_KIND" "use \"initramfs\" or \"disk\" in the recipe's image.json.in" ;;
esac
chmod 0644 "$TCW_OUT"/*
