"""Train on procedural handwriting alone and measure on the MNIST test split, once.

Usage: EDGE_HDR_DATA=… python benchmarks/strokes_to_mnist.py [--epochs N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def edge_hdr(*arguments: str) -> dict[str, Any]:
    """Run a command and give its JSON data."""
    command = [sys.executable, "-m", "edge_hdr", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout)["data"])


def main() -> None:
    """Build on strokes, evaluate on MNIST, write both figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", default="20")
    parser.add_argument("--out", type=Path, default=RESULTS / "strokes-to-mnist.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recipe = ["--quantize", "int8", "--epochs", options.epochs, "--qat-epochs", "4"]
        built = edge_hdr("build", "--data", "strokes", *recipe, "--out", f"{folder}/model")
        other = edge_hdr("evaluate", built["model"], "--data", "mnist")
    test = other["test"] if "test" in other else other["metrics"]["test"]
    result = {
        "command": "edge-hdr build --data strokes " + " ".join(recipe),
        "trained_on": built["metrics"]["data"],
        "on_strokes": built["metrics"]["test"]["accuracy"],
        "accuracy": test["accuracy"],
        "interval": test["interval"],
        "n": test["n"],
        "errors": test["errors"],
        "confusion": test["confusion"],
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: result[key] for key in ("accuracy", "interval", "n", "on_strokes")}))


if __name__ == "__main__":
    main()
