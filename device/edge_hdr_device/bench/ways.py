"""What is timed of a model: the kernels, a call, ten digits, and the path of a frame by stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.bench.frame import frame
from edge_hdr_device.bench.subject import Subject
from edge_hdr_device.bench.times import Times
from edge_hdr_device.bench.turns import Way
from edge_hdr_device.pipeline import Reader

DIGITS = 10  # a frame's worth
STAGES = ("locate", "normalize", "classify")


def make_ways(
    subjects: Sequence[Subject], digits: NDArray[np.uint8], *, with_frame: bool
) -> tuple[list[Way], int]:
    """Make what is timed of each model, and tell how many digits the frame has.

    Args:
        subjects: the models.
        digits: uint8 (N, 28, 28), N ≥ 1; the first is read alone, ten of them in one batch.
        with_frame: time the whole path from a frame to digits, too.

    Returns:
        The ways, and the digits found in the frame; 0 without a frame.
    """
    one = np.ascontiguousarray(digits[:1])
    ten = np.resize(digits[:DIGITS], (DIGITS, *digits.shape[1:]))
    image = frame() if with_frame else None
    ways, seen = [], 0
    for subject in subjects:
        name, single = subject.name, _given(subject, one)
        ways += [
            Way(name, "invoke", subject.invoke, lead=single),
            Way(name, "call", single),
            Way(name, "ten", _given(subject, ten)),
        ]
        if image is not None and (reader := subject.reader()) is not None:
            path = _Frame(reader, image)
            seen = path.digits
            ways.append(Way(name, "frame", path.read, details=path.stages_ms))
    return ways, seen


def _given(subject: Subject, images: NDArray[np.uint8]) -> Callable[[], object]:
    classify = subject.logits
    return lambda: classify(images)


def timed(ways: Sequence[Way], model: str) -> dict[str, Any]:
    """Sum up a model's windows: invoke, call, ten, frame and stages of the document."""
    found: dict[str, Any] = {"frame": None, "stages": {}}
    for way in (way for way in ways if way.model == model):
        columns = ([window[:, k] for window in way.windows] for k in range(way.columns))
        whole, *parts = (Times.of(windows).to_dict() for windows in columns)
        found[way.what] = whole
        if parts:
            found["stages"] = dict(zip(STAGES, parts, strict=True))
    return found


class _Frame:
    """A reader with its frame, and the times of the stages of each reading."""

    def __init__(self, reader: Reader, image: NDArray[np.uint8]) -> None:
        self._reader, self._image = reader, image
        self.digits = len(reader.read(image).digits)
        self.stages_ms: list[tuple[float, ...]] = []

    def read(self) -> None:
        reading = self._reader.read(self._image)
        self.stages_ms.append((reading.locate_ms, reading.normalize_ms, reading.classify_ms))
