"""How far a board's answer is from its twin's, and how far it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from boards import Board
from questions import Answer

# Largest difference of an int8 model's logits, in steps of the output. XNNPACK computes the same
# everywhere. Without it, ai-edge-litert has other kernels on ARM than on x86, which round at other
# places, and such steps add up over a dozen layers; x86's own two ways differ as much.
STEPS = {("litert", "xnnpack"): 0, ("litert", "none"): 4, ("tflite", "xnnpack"): 1}
STEPS["tflite", "none"] = 1
FLOAT_LOGITS = 1e-5  # of a float model
CONFIDENCE = 0.01  # of a digit in a picture
BOX_PX = 1


@dataclass(frozen=True)
class Comparison:
    """A board's answer against its twin's.

    Attributes:
        logits: by "model delegate": the largest difference, what it may be, both in steps for an
            int8 model, and how many of the digits got another label.
        readings: of all pictures with all released models: how many, and the largest differences.
        failures: one line each; empty when all is within tolerance.
    """

    logits: dict[str, dict[str, Any]]
    readings: dict[str, Any]
    failures: list[str]


def compare(board: Board, found: Answer, wanted: Answer) -> Comparison:
    """Compare two answers to one question."""
    logits = {key: _logits(board, key, found, wanted) for key in wanted.logits}
    readings = _readings(found, wanted)
    failures = [
        f"the logits of {key} differ: {entry}"
        for key, entry in logits.items()
        if entry["difference"] > entry["allowed"] or entry["other_labels"]
    ]
    if readings["other_text"] or readings["other_labels"]:
        failures.append(f"readings differ: {readings}")
    if readings["confidence"] > CONFIDENCE or readings["box_px"] > BOX_PX:
        failures.append(f"boxes or confidences differ: {readings}")
    if found.machine["machine"] != board.machine:
        failures.append(f"it ran on {found.machine['machine']}, not on {board.machine}")
    return Comparison(logits, readings, failures)


def _logits(board: Board, key: str, found: Answer, wanted: Answer) -> dict[str, Any]:
    ours, theirs = found.logits[key], wanted.logits[key]
    step, delegate = wanted.steps[key], key.rsplit(maxsplit=1)[-1]
    difference = float(np.abs(ours - theirs).max())
    return {
        "difference": round(difference / step) if step else difference,
        "unit": "steps" if step else "logits",
        "allowed": STEPS[board.runtime, delegate] if step else FLOAT_LOGITS,
        "digits": len(theirs),
        "other_labels": int(np.sum(ours.argmax(axis=1) != theirs.argmax(axis=1))),
    }


def _readings(found: Answer, wanted: Answer) -> dict[str, Any]:
    pairs = list(zip(found.readings, wanted.readings, strict=True))
    alike = [(a, b) for a, b in pairs if len(a["labels"]) == len(b["labels"])]

    def largest(what: str) -> float:
        gaps = [np.subtract(a[what], b[what]) for a, b in alike if a["labels"]]
        return max((float(np.abs(gap).max()) for gap in gaps), default=0.0)

    return {
        "readings": len(pairs),
        "digits": sum(len(b["labels"]) for _, b in pairs),
        "other_text": sum(a["lines"] != b["lines"] for a, b in pairs),
        "other_labels": sum(a["labels"] != b["labels"] for a, b in pairs),
        "confidence": round(largest("confidences"), 6),
        "box_px": round(largest("boxes")),
    }
