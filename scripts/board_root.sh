#!/usr/bin/env bash
# Make what the boards of the tests and proofs start from, keep it, and print its folder. Root only.
#   board_root.sh system    a Debian with systemd, sshd and sudo; users `pi` (may use sudo) and `guest`
#   board_root.sh packages  a layer over it: the Python packages that the device package needs
#   board_root.sh old       a Debian whose Python is too old, with sshd and these users
#   board_root.sh narrow    one whose programs are 32-bit ones, which a 64-bit x86 kernel runs
# They are kept in EDGE_HDR_BOARDS (default: /var/cache/edge-hdr), one folder for each content.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${EDGE_HDR_BOARDS:-/var/cache/edge-hdr}
python=$(realpath -s "${VENV:-.venv}")/bin/python
suite=bookworm version=3.11
plain=(python3 python3-venv openssh-server sudo procps iproute2 ca-certificates)
booted=("${plain[@]}" systemd systemd-sysv dbus libpam-systemd polkitd)
wheels=(numpy opencv-python-headless ai-edge-litert starlette uvicorn paho-mqtt prometheus-client)
idle=( # what a board does by itself now and then, and these need not
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
  e2scrub_reap.service console-getty.service systemd-networkd.service systemd-networkd.socket
)

fail() {
  echo "$1" >&2
  exit 3
}

debian() { # FOLDER SUITE ARCHITECTURE PACKAGES...
  command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing: apt-get install mmdebstrap"
  local root=$1 suite=$2 arch=$3 mirror
  shift 3
  mirror=$(sed -n 's/^URIs: //p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
  mmdebstrap --quiet --mode=root --arch="$arch" --skip=check/qemu --variant=minbase \
    --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --include="$(IFS=, && echo "$*")" "$suite" "$root" ${mirror:+"$mirror"} >&2
  chroot "$root" useradd --create-home --password '*' --shell /bin/bash --groups video pi
  chroot "$root" useradd --create-home --password '*' --shell /bin/bash guest
  install -m 440 /dev/stdin "$root/etc/sudoers.d/pi" <<<'pi ALL=(ALL) NOPASSWD:ALL'
  rm -rf "$root"/etc/ssh/ssh_host_* "$root/var/lib/apt/lists" "$root/var/cache/apt"
  rm -f "$root/etc/machine-id" && touch "$root/etc/machine-id"
}

make_system() {
  debian "$1" "$suite" amd64 "${booted[@]}"
  chroot "$1" systemctl --quiet mask "${idle[@]}"
}

make_old() { debian "$1" bullseye amd64 "${plain[@]}"; }

make_narrow() { debian "$1" "$suite" i386 "${plain[@]}"; }

make_packages() {
  local place=$1/usr/local/lib/python$version/dist-packages
  mkdir -p "$place"
  chmod -R u=rwX,go=rX "$1"
  (umask 022 && "$python" -m pip install --quiet --disable-pip-version-check --no-compile \
    --only-binary=:all: --python-version "$version" --constraint constraints.txt \
    --target "$place" "${wheels[@]}" >&2)
  "$python" -m compileall -q "$place" >&2 || true # of this machine's version: others do it again
}

case ${1:-} in
  system) content="$suite ${booted[*]} ${idle[*]}" ;;
  old | narrow) content="$suite ${plain[*]}" ;;
  packages) content="$version ${wheels[*]} $(cat constraints.txt)" ;;
  *) fail "usage: board_root.sh system|packages|old|narrow" ;;
esac
[ "$(id -u)" = 0 ] || fail "a board's system belongs to root: run it as root"
content+=$(declare -f debian "make_$1")
root=$cache/$1-$(cksum <<<"$content" | cut -d' ' -f1)
mkdir -p "$cache"
exec 9>"$cache/$1.lock"
flock 9
if [ ! -e "$root" ]; then
  echo "making $root" >&2
  rm -rf --one-file-system "$root.part"
  mkdir "$root.part"
  "make_$1" "$root.part"
  mv "$root.part" "$root"
fi
touch "$root" # others of its kind that nobody has used for two weeks go
find "$cache" -maxdepth 1 -name "$1-*" -mtime +14 -exec rm -rf --one-file-system {} +
echo "$root"
