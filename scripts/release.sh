#!/usr/bin/env bash
# Train the released models on full MNIST and on what a device sees of scenes written with it, and
# put them into models/; interrupted, it resumes. The scenes are drawn once, for all models. Then the
# context net, whose threshold follows from what ds-cnn-small-int8 accepts.
# Usage: scripts/release.sh [ds-cnn-nano] [ds-cnn-small]
set -euo pipefail
cd "$(dirname "$0")/.."
bin="${VENV:-.venv}/bin"
run="$bin/edge-hdr"
[ $# -gt 0 ] || set -- ds-cnn-small ds-cnn-nano

for architecture in "$@"; do
  name="$architecture-int8"
  out="runs/release/$name"
  if [ ! -e "$out/model.tflite" ]; then
    "$run" build --quantize int8 --preset release --arch "$architecture" --data mnist --out "$out"
  fi
  mkdir -p "models/$name"
  cp "$out/model.tflite" "$out/manifest.json" "$out/MODEL_CARD.md" "models/$name/"
  cp "$out/metrics.json" "benchmarks/results/release-$name.json"
  echo "released models/$name"
done

"$bin/python" scripts/make_context.py
echo "released models/context"
