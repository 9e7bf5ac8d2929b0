#!/usr/bin/env bash
# Boot a Debian with systemd in a container, install the device package from wheels, and prove there
# what the unit promises; writes benchmarks/results/service-proof.json. Root only.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath -s "${VENV:-.venv}")/bin/python
version=3.11

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

base=$(scripts/board_root.sh system)
work=$(mktemp -d "$(dirname "$base")/proof.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
cp -a --reflink=auto "$base" "$work/root"
wheels=$work/root/wheels
mkdir "$wheels"
(cd device && "$python" -m hatchling build -t wheel -d "$wheels" >/dev/null)
"$python" -m pip download --quiet --disable-pip-version-check --only-binary=:all: \
  --python-version "$version" --constraint constraints.txt --dest "$wheels" \
  numpy opencv-python-headless ai-edge-litert starlette uvicorn paho-mqtt prometheus-client
"$python" scripts/service_proof.py --root "$work/root" "$@"
