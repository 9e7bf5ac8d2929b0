"""A real build at toy size, and what it measured."""

from __future__ import annotations

import json
from pathlib import Path

TOY = ("--arch", "ds-cnn-nano", "--epochs", "2", "--qat-epochs", "1", "--prune-epochs", "2",
       "--batch-size", "64", "--max-error-ratio", "0")  # fmt: skip


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())
