#!/usr/bin/env bash
# Boot a Debian with systemd in a container, install the device package from wheels, and prove there
# what the unit promises; writes benchmarks/results/service-proof.json. Root only. The bare system
# is kept in SERVICE_PROOF_CACHE (default: /var/cache/edge-hdr) for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath -s "${VENV:-.venv}")/bin/python
cache=${SERVICE_PROOF_CACHE:-/var/cache/edge-hdr}
suite=bookworm version=3.11

missing() {
  echo "$1" >&2
  if [ -n "${CI:-}" ]; then exit 3; fi
  echo "skipped" >&2
  exit 0
}
[ "$(id -u)" = 0 ] || missing "service-proof boots a system: run it as root"
for program in systemd-nspawn mmdebstrap nsenter; do
  command -v "$program" >/dev/null ||
    missing "$program is missing: apt-get install systemd-container mmdebstrap"
done

base=$cache/$suite-systemd
if [ ! -e "$base/.complete" ]; then
  echo "building a Debian $suite in $base" >&2
  rm -rf "$base" && mkdir -p "$base"
  mirror=$(sed -n 's/^URIs: //p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
  mmdebstrap --quiet --mode=root --variant=minbase \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --include=systemd,systemd-sysv,dbus,python3,python3-venv,procps \
    "$suite" "$base" "${mirror:-http://deb.debian.org/debian}"
  touch "$base/.complete"
fi

work=$(mktemp -d "$cache/proof.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
cp -a --reflink=auto "$base" "$work/root"
wheels=$work/root/wheels
mkdir "$wheels"
(cd device && "$python" -m hatchling build -t wheel -d "$wheels" >/dev/null)
"$python" -m pip download --quiet --disable-pip-version-check --only-binary=:all: \
  --python-version "$version" --constraint constraints.txt --dest "$wheels" \
  numpy opencv-python-headless ai-edge-litert starlette uvicorn paho-mqtt prometheus-client
"$python" scripts/service_proof.py --root "$work/root" "$@"
