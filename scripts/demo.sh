#!/usr/bin/env bash
# The main job at its quickest: build a model here, then read a picture with it.
set -euo pipefail
cd "$(dirname "$0")/.."
run="${VENV:-.venv}/bin/edge-hdr"
out=demo/model
picture=tests/data/sample.png

"$run" build --quantize int8 --preset quick --out "$out" --force
echo
echo "reading $picture with the new model:"
"$run" recognize "$picture" --model "$out/model.tflite" --annotate demo/sample-read.png --force
echo
echo "model:   $out/model.tflite"
echo "picture: demo/sample-read.png"
echo "report:  $out/report.html"
