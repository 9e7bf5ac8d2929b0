"""Try a model on this board: golden digits, read as on the host, rightly, and fast enough."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.classifier import Classifier
from edge_hdr_device.errors import CheckFailedError, EdgeHdrError
from edge_hdr_device.install.expected import AGAIN, Canary
from edge_hdr_device.install.golden import LABELS, golden_digits, golden_hash
from edge_hdr_device.install.index import CANARY, MODEL
from edge_hdr_device.interpreter import open_interpreter, runtime_name
from edge_hdr_device.manifest import read_file, unpack

LEAST_RIGHT = 0.9  # of the golden digits, which are plainly legible
STEPS = 4  # by which a quantized output may differ: kernels round differently
REAL = 1e-3  # by which a float output may differ
MIXED = 0.02  # the same where integers are inside, as a share of what the outputs span
DIGITS = 10  # a frame's worth, which the budget is for
WARM_UP, LEAST_BATCHES = 3, 20
MEASURE_S, MOST_S = 0.2, 10.0


@dataclass(frozen=True)
class Found:
    """What a board makes of the golden digits.

    Attributes:
        model: id of the model.
        interpreter: package and version.
        right: golden digits that it reads right; None for a model that has no ten digits.
        of: how many there are.
        worst: largest difference of an output from the host's, in the outputs' own unit.
        other: golden digits with another reading than the host's.
        median_ms: of a batch of ten digits, one thread.
        batches: that were measured.
    """

    model: str
    interpreter: str
    right: int | None
    of: int
    worst: float
    other: int
    median_ms: float
    batches: int


def make(model: Path) -> bytes:
    """Write down what a model makes of the golden digits here.

    Args:
        model: a `.tflite` file.

    Returns:
        The content of canary.json.

    Raises:
        ModelError: the file is no model of digits.
        DependencyError: no interpreter is installed.
    """
    content = read_file(model)
    classifier = Classifier(content)
    outputs, spec = _outputs(classifier), classifier.output_spec
    digits = {str(label) for label in LABELS} <= set(classifier.labels)
    return Canary(
        model=model_id(content),
        crops=golden_hash(),
        labels=LABELS,
        outputs=outputs,
        scale=spec.scale,
        tolerance=float(STEPS) if spec.scale else _real_tolerance(content, outputs),
        least_right=math.ceil(LEAST_RIGHT * len(LABELS)) if digits else None,
    ).to_bytes()


def attempt(release: Path, budget_ms: float) -> dict[str, Any]:
    """Try a release's model on this board.

    Args:
        release: folder with model.tflite and canary.json.
        budget_ms: most that a batch of ten digits may take; 0 for any time.

    Returns:
        `Found` and the budget, JSON-ready.

    Raises:
        CheckFailedError: the model answers other than on the host, wrongly or too slowly; or the
            golden digits are others than the host's.
        ModelError: the model cannot be loaded.
    """
    try:
        canary = Canary.from_bytes((release / CANARY).read_bytes())
    except OSError as error:
        raise CheckFailedError(
            f"cannot read {release / CANARY}: {error.strerror}", hint=AGAIN
        ) from error
    if canary.crops != golden_hash() or canary.labels != LABELS:
        raise CheckFailedError(
            "the payload's canary was made with other golden digits than its runtime has",
            hint=AGAIN,
        )
    content = read_file(release / MODEL)
    classifier = Classifier(content)
    found = _try(classifier, canary, model_id(content))
    _judge(found, canary, budget_ms)
    return {**asdict(found), "budget_ms": budget_ms}


def _try(classifier: Classifier, canary: Canary, model: str) -> Found:
    outputs = _outputs(classifier)
    if (outputs.shape, outputs.dtype) != (canary.outputs.shape, canary.outputs.dtype):
        raise CheckFailedError(
            f"the canary is of another model: it expects {canary.outputs.dtype.name} "
            f"{canary.outputs.shape}, {model} gives {outputs.dtype.name} {outputs.shape}",
            hint=AGAIN,
        )
    worst, other = compare(canary.outputs, outputs, canary.tolerance)
    answers = outputs.argmax(axis=1)
    right = [classifier.labels[k] == str(label) for k, label in zip(answers, LABELS, strict=True)]
    median_ms, batches = _time_ms(classifier)
    return Found(
        model=model,
        interpreter=runtime_name(),
        right=None if canary.least_right is None else sum(right),
        of=len(outputs),
        worst=worst,
        other=other,
        median_ms=median_ms,
        batches=batches,
    )


def compare(expected: NDArray[Any], given: NDArray[Any], tolerance: float) -> tuple[float, int]:
    """Compare outputs with the host's.

    A row is another one when an output differs by more than the tolerance, or when another class
    is first and the host's was ahead of it by more than the tolerance.

    Args:
        expected: (N, classes), of the host.
        given: (N, classes), of the board.
        tolerance: in the outputs' own unit.

    Returns:
        The largest difference, and how many rows are others.
    """
    host, board = expected.astype(np.float64), given.astype(np.float64)
    rows = np.arange(len(host))
    difference = np.abs(host - board).max(axis=1)
    ahead = host.max(axis=1) - host[rows, board.argmax(axis=1)]
    same = (difference <= tolerance) & (ahead <= tolerance)  # what is not a number is not the same
    worst = difference.max()
    return float(worst) if np.isfinite(worst) else math.inf, int(np.sum(~same))


def _judge(found: Found, canary: Canary, budget_ms: float) -> None:
    """Refuse a model that does not do here what it did on the host, or is too slow."""
    if found.model != canary.model:
        raise CheckFailedError(
            f"the canary is of {canary.model}, the model is {found.model}", hint=AGAIN
        )
    if canary.least_right is not None and (found.right or 0) < canary.least_right:
        raise CheckFailedError(
            f"{found.model} reads {found.right} of {found.of} golden digits right, "
            f"{canary.least_right} are asked for",
            hint="train it longer or on more hands; a model of other classes names them in its "
            "manifest",
        )
    if found.other:
        unit = f"{found.worst:.0f} steps" if canary.scale else f"{found.worst:.3g}"
        raise CheckFailedError(
            f"{found.model}: its outputs differ from the host's by up to {unit} in {found.other} "
            f"of {found.of} digits",
            hint=f"{found.interpreter} computes it otherwise here; deploy an int8 model, or tell "
            "us of this board",
        )
    if 0 < budget_ms < found.median_ms:
        raise CheckFailedError(
            f"{found.model} takes {found.median_ms:.3g} ms for ten digits, budget {budget_ms:g}",
            hint="deploy a smaller or an int8 model, or allow more with --budget-ms",
        )


def _outputs(classifier: Classifier) -> NDArray[Any]:
    """Give the raw outputs for the golden digits: steps of a quantized model, else float32."""
    logits, spec = classifier.logits(golden_digits()), classifier.output_spec
    if not spec.scale:
        return logits
    steps = np.rint(logits.astype(np.float64) / spec.scale) + spec.zero_point
    return np.asarray(steps, np.dtype(spec.dtype))


def _real_tolerance(content: bytes, outputs: NDArray[Any]) -> float:
    """Allow more where the weights are integers: there a rounding makes a step."""
    tensors = open_interpreter(unpack(content)[0]).get_tensor_details()
    mixed = any(tensor["dtype"] in {np.int8, np.uint8} for tensor in tensors)
    return MIXED * float(np.ptp(outputs)) if mixed else REAL


def _time_ms(classifier: Classifier) -> tuple[float, int]:
    """Give the median time of ten digits, and of how many batches."""
    images = golden_digits()[:DIGITS]
    for _ in range(WARM_UP):
        classifier.predict(images)
    times: list[float] = []
    start_s = now_s = time.perf_counter()
    while len(times) < LEAST_BATCHES or now_s - start_s < MEASURE_S:
        before_s, now_s = now_s, (classifier.predict(images), time.perf_counter())[1]
        times.append(1e3 * (now_s - before_s))
        if now_s - start_s > MOST_S and len(times) > WARM_UP:
            break
    return round(float(np.median(times)), 3), len(times)


def model_id(content: bytes) -> str:
    """Name a model by its manifest and the hash of its bytes, as "ds-cnn-small-int8@3f2a9c01d4e5".

    Raises:
        ModelError: the manifest is damaged or of another model.
    """
    flatbuffer, manifest = unpack(content)
    if manifest is None:
        return f"model@{hashlib.sha256(flatbuffer).hexdigest()[:12]}"
    return f"{manifest.name}@{manifest.sha256[:12]}"


def main(arguments: list[str] | None = None) -> int:
    """Try a release and write one line of JSON; gives the exit code."""
    parser = argparse.ArgumentParser(prog="canary", description=__doc__)
    parser.add_argument("release", type=Path)
    parser.add_argument("--budget-ms", type=float, default=50.0)
    options = parser.parse_args(arguments)
    try:
        answer: dict[str, Any] = {"ok": True, **attempt(options.release, options.budget_ms)}
        code = 0
    except EdgeHdrError as error:
        fields = {"code": error.code, "message": error.message, "hint": error.hint}
        code = error.exit_code
        answer = {"ok": False, "error": {**fields, "exit_code": code}}
    os.write(1, json.dumps(answer).encode() + b"\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
