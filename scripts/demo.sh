#!/usr/bin/env bash
# The main job at its quickest: build a model here, then read a picture with it.
# Usage: scripts/demo.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
run="${VENV:-.venv}/bin/edge-hdr"
out=${1:-demo}
picture=tests/data/sample.jpg

"$run" build --quantize int8 --preset quick --out "$out/model" --force
echo
echo "reading $picture with the new model:"
"$run" recognize "$picture" --model "$out/model" --annotate "$out/sample-read.png" --force
echo
echo "model:   $out/model/model.tflite"
echo "picture: $out/sample-read.png"
echo "report:  $out/model/report.html"
