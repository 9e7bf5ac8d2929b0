#!/bin/sh
# Run a command in a foreign userland, in the user and mount namespaces that this was started in:
#   unshare --user --map-root-user --mount enter.sh ROOT EMULATOR MAGIC FOLDERS COMMAND...
# EMULATOR runs the programs that begin with MAGIC, in this user namespace alone: nothing of the
# machine changes. ROOT is read-only in there; FOLDERS, parted by colons, keep their own paths.
set -eu
root=$1 emulator=$2 magic=$3 folders=$4
shift 4

mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
# F opens the emulator now, so that it is found from within the root
echo ":edge-hdr:M::$magic:$emulator:F" >/proc/sys/fs/binfmt_misc/register

mount --bind "$root" "$root"
mkdir -p "$root/proc" "$root/dev" "$root/sys" "$root/tmp"
for name in proc dev sys; do
  mount --rbind "/$name" "$root/$name"
done
mount -t tmpfs tmpfs "$root/tmp"
IFS=:
for folder in $folders; do
  mkdir -p "$root$folder"
  mount --bind "$folder" "$root$folder"
done
unset IFS
mount -o remount,bind,ro "$root"
exec "$(command -v chroot)" "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
