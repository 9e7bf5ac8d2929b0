"""A model under examination, and the pictures that it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_hdr.robustness.photo import Seen
from edge_hdr_device.classifier import as_logits, softmax
from edge_hdr_device.judge import as_a_whole

Images = NDArray[np.uint8]
LogitsOf = Callable[[Images], NDArray[np.float32]]
Interval = tuple[float, float]

_Z_95 = 1.959963984540054  # quantile of the normal distribution that leaves 2.5 % above it


@dataclass(frozen=True)
class Examined:
    """A model under examination.

    Attributes:
        logits_of: uint8 (N, 28, 28), ink 255, to logits or probabilities float32 (N, classes).
        temperature: the logits are divided by it before they become confidences.
        threshold: least confidence that the model accepts; 0 accepts everything.
    """

    logits_of: LogitsOf
    temperature: float = 1.0
    threshold: float = 0.0

    def wrong(self, images: Images, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which images are misread, bool (N,)."""
        return np.asarray(self.logits_of(images).argmax(axis=1) != labels)

    def wrong_seen(self, seen: Seen, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which pictures a device misreads, bool (N,); one without a find is misread."""
        chosen, confidences = self._read(seen)
        return np.asarray((chosen != labels) | (confidences < 0), np.bool_)

    def confidences(self, images: Images) -> NDArray[np.float32]:
        """Give the probability of the most probable class of each image, float32 (N,)."""
        logits = as_logits(self.logits_of(images)) / np.float32(self.temperature)
        return np.asarray(softmax(logits).max(axis=1), np.float32)

    def confidences_seen(self, seen: Seen) -> NDArray[np.float32]:
        """Give a device's confidence in each picture, float32 (N,); −1 where nothing was found."""
        return self._read(seen)[1]

    def _read(self, seen: Seen) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Read pictures as a device does: classes int64 (N,) and confidences float32 (N,).

        Whether a picture is read as a whole is decided by the device's own rule, with the doubt
        about the largest of what was located.
        """
        classes, confidences = self._classify(seen.images, seen.found > 0)
        if seen.whole is None or seen.has_whole is None:
            return classes, confidences
        second = self._classify(seen.whole, seen.has_whole)
        accepted = seen.has_whole & (second[1] >= self.threshold)
        better = as_a_whole(1.0 - second[1], 1.0 - confidences, seen.found, accepted)
        return np.where(better, second[0], classes), np.where(better, second[1], confidences)

    def _classify(
        self, images: Images, there: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Give classes and confidences, −1 where there is nothing to classify."""
        logits = as_logits(self.logits_of(images))
        sure = softmax(logits / np.float32(self.temperature)).max(axis=1)
        return logits.argmax(axis=1), np.where(there, sure, -1).astype(np.float32)


class Errors:
    """A model's misread pictures by kind, severity after severity, of the same N digits."""

    def __init__(self) -> None:
        self._wrong: dict[str, list[NDArray[np.bool_]]] = {}

    def add(self, kind: str, wrong: NDArray[np.bool_]) -> None:
        """Note bool (N,), which digits are misread at the kind's next severity."""
        self._wrong.setdefault(kind, []).append(wrong)

    def of(self, kind: str) -> list[float]:
        """Give the share of misread ones at each severity."""
        return [float(wrong.mean()) for wrong in self._wrong[kind]]

    def mean(self, kinds: Sequence[str], severities: Sequence[int]) -> tuple[float, Interval]:
        """Average over kinds and severities, each with the same weight.

        Returns:
            The mean, and its 95 % interval (normal) for other digits damaged in the same ways:
            the digits' own means over all damages are the sample.
        """
        chosen = [self._wrong[kind][severity - 1] for kind in kinds for severity in severities]
        each = np.mean(chosen, axis=0)
        middle = float(each.mean())
        half = float(_Z_95 * each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else 1.0
        return middle, (max(0.0, middle - half), min(1.0, middle + half))
