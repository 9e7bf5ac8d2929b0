#!/usr/bin/env bash
# Measure what the README states, then write its tables. MNIST is found as the commands find it.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${VENV:-.venv}/bin/python"
"$python" benchmarks/startup.py
"$python" benchmarks/strokes_throughput.py --out benchmarks/results/strokes-throughput.json
"$python" benchmarks/recognize_latency.py --out benchmarks/results/recognize-latency.json
"$python" benchmarks/frame_latency.py --out benchmarks/results/frame-latency.json
"$python" benchmarks/device_runtime.py --out benchmarks/results/device-runtime.json
"$python" -m edge_hdr bench --robustness 1000 --json >benchmarks/results/bench.json
"$python" benchmarks/peers.py
photos="${EDGE_HDR_DATA:-.}/photos_dev"
if [ -d "$photos" ]; then
  "$python" benchmarks/photos.py "$photos" --half 1 --summary --out benchmarks/results/photos.json
  "$python" benchmarks/usps.py "$EDGE_HDR_DATA/usps_dev.npz" --out benchmarks/results/usps.json
fi
"$python" benchmarks/scenes.py --part test
"$python" benchmarks/adapt.py
"$python" benchmarks/build.py --preset quick
"$python" benchmarks/build.py --preset default
"$python" benchmarks/strokes_to_mnist.py
if [ "$(id -u)" = 0 ] && command -v systemd-nspawn mmdebstrap >/dev/null; then # boards to deploy to
  "$python" benchmarks/deploy.py
fi
"$python" scripts/readme_tables.py
