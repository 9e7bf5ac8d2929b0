"""Which crops are worth keeping for training, kept without holding up the frame loop."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device.errors import EdgeHdrError
from edge_hdr_device.ink import to_grey
from edge_hdr_device.live import Part
from edge_hdr_device.pipeline import UNREAD, Digit
from edge_hdr_device.results import FrameResult
from edge_hdr_device.sample_ring import Kind, Sample, SampleRing
from edge_hdr_device.settings import SamplesConfig

logger = logging.getLogger("edge_hdr.samples")

MARGIN_SHARE = 0.2  # of the longer side: paper that training needs around a digit
BATCH = 64  # as many are written without waiting for the time
WAITING_BYTES = 16_000_000  # of pixels that wait to be written; the oldest are dropped
AGAIN_S = 600.0  # a digit that stays as it is, is kept again after so long
OUTCOMES = 4096  # of followed digits, that are remembered
BURST, RATE = 64, 1.0  # from a camera at most so many at once, and a second: it may show noise
RETRY_S, LONGEST_RETRY_S = 30.0, 600.0


class Samples:
    """Choose crops in the frame loop and write them in batches on a thread.

    A digit is kept when it was rejected, or accepted with little confidence, and every so many-th
    accepted one; once as long as it is followed with the same outcome, and again after ten
    minutes. Without a folder nothing is ever kept.

    Args:
        config: where, how much and what.
        model_id: of the model that reads, for the index.
    """

    def __init__(self, config: SamplesConfig, model_id: str) -> None:
        self._config = config
        self._model_id = model_id
        self._ring = SampleRing(Path(config.folder), config.max_bytes)
        self._seen: OrderedDict[tuple[int, str, Kind], float] = OrderedDict()
        self._accepted = 0
        self._allowance, self._allowed_s = float(BURST), time.monotonic()
        self._changed = threading.Condition()
        self._waiting: deque[Sample] = deque()
        self._waiting_bytes = 0
        self._stopping = False
        self._error = ""
        self._retry_s = 0.0
        self._stored = self._dropped = self._passed_over = 0
        self._thread = threading.Thread(target=self._run, name="samples", daemon=True)

    def start(self) -> None:
        """Start the thread, where samples are kept."""
        if self._config.folder:
            self._thread.start()

    def offer(self, image: NDArray[np.uint8], result: FrameResult) -> None:
        """Take what is worth keeping of a frame; never waits and never raises for the disk.

        Args:
            image: uint8 (H, W) grey or (H, W, 3) BGR, the frame; only crops of it are copied.
            result: what was read in it.
        """
        if not (self._config.folder and result.changed):
            return
        now_s = time.monotonic()
        samples = []
        for digit in result.digits:
            kind = self._kind(digit, now_s)
            if kind is not None and self._allow(result, now_s):
                samples.append(_crop(image, digit, kind, result, self._model_id))
        if self._config.frames and any(sample.kind == "unsure" for sample in samples):
            samples.append(_whole(image, result, self._model_id))
        if samples:
            self._put(samples)

    def stop(self, timeout_s: float = 1.0) -> None:
        """Write what waits, as far as the time allows."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def part(self) -> Part:
        """Tell how keeping samples does; reading goes on without."""
        with self._changed:
            facts = {
                "stored": self._stored,
                "dropped": self._dropped,
                "passed_over": self._passed_over,
                "waiting": len(self._waiting),
                "files": self._ring.files,
                "bytes": self._ring.size_bytes,
            }
            if not self._config.folder:
                return Part("samples", "ok", "off")
            if self._error:
                return Part("samples", "degraded", "failing", self._error, facts)
            return Part("samples", "ok", "keeping", "", facts)

    def _kind(self, digit: Digit, now_s: float) -> Kind | None:
        """Tell as what to keep a digit; None when it is sure, or was kept not long ago."""
        unsure = not digit.accepted or digit.confidence < self._config.below
        if not unsure and not self._config.every:
            return None
        kind: Kind = "unsure" if unsure else "accepted"
        if digit.track is not None and not self._is_new(digit.track, digit.label, kind, now_s):
            return None
        if not unsure:
            self._accepted += 1
            if self._accepted % self._config.every:
                return None
        return kind

    def _is_new(self, track: int, label: str, kind: Kind, now_s: float) -> bool:
        """Note what a followed digit was read as; False when it was so not long ago."""
        outcome = (track, label, kind)  # one that is hard to read changes between a few
        before_s = self._seen.pop(outcome, float("-inf"))
        is_new = now_s - before_s >= AGAIN_S
        self._seen[outcome] = now_s if is_new else before_s
        if len(self._seen) > OUTCOMES:
            self._seen.popitem(last=False)
        return is_new

    def _allow(self, result: FrameResult, now_s: float) -> bool:
        """Spare the card when a camera shows nothing but noise; files are all taken."""
        if result.name:
            return True
        gained = RATE * (now_s - self._allowed_s)
        self._allowance, self._allowed_s = min(BURST, self._allowance + gained), now_s
        if self._allowance < 1:
            with self._changed:
                self._passed_over += 1
            return False
        self._allowance -= 1
        return True

    def _put(self, samples: list[Sample]) -> None:
        with self._changed:
            self._waiting.extend(samples)
            self._waiting_bytes += sum(sample.image.nbytes for sample in samples)
            while self._waiting_bytes > WAITING_BYTES:
                self._waiting_bytes -= self._waiting.popleft().image.nbytes
                self._dropped += 1
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                self._changed.wait_for(self._is_full, timeout=self._retry_s or self._config.batch_s)
                batch = list(self._waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
                if not batch:
                    return
            self._write(batch)

    def _is_full(self) -> bool:
        """Tell whether to write before the time; after a failure only the end is a reason."""
        many = len(self._waiting) >= BATCH or self._waiting_bytes > WAITING_BYTES // 4
        return self._stopping or (many and not self._retry_s)

    def _write(self, batch: list[Sample]) -> None:
        error, stored = "", 0
        try:
            stored = self._ring.write(batch)
        except OSError as failure:
            error = f"cannot keep samples in {self._config.folder}: {failure.strerror or failure}"
        except EdgeHdrError as failure:
            error = failure.message
        if error and not self._error:
            logger.warning("%s; reading goes on", error)
        elif self._error and not error:
            logger.info("samples are kept again")
        with self._changed:
            self._stored += stored
            self._dropped += len(batch) - stored
            self._error = error
            later_s = min(max(RETRY_S, 2 * self._retry_s), LONGEST_RETRY_S)
            self._retry_s = later_s if error else 0.0


def _crop(
    image: NDArray[np.uint8], digit: Digit, kind: Kind, result: FrameResult, model_id: str
) -> Sample:
    """Cut a digit out with some paper around it."""
    x, y, width, height = digit.box
    margin = max(2, round(MARGIN_SHARE * max(width, height)))
    left, top = max(0, x - margin), max(0, y - margin)
    cut = image[top : y + height + margin, left : x + width + margin]
    facts = {
        "confidence": round(digit.confidence, 4),
        "accepted": digit.accepted,
        "reason": digit.reason or None,
        "line": _line_text(digit, result),
        "box": list(digit.box),
        "crop": [left, top, cut.shape[1], cut.shape[0]],
        "track": digit.track,
        **_source(result, model_id),
    }
    return Sample(kind, digit.label, np.array(to_grey(cut)), result.time_s, facts)


def _whole(image: NDArray[np.uint8], result: FrameResult, model_id: str) -> Sample:
    facts = {
        "lines": list(result.lines),
        "digits": [digit.to_dict() for digit in result.digits],
        **_source(result, model_id),
    }
    return Sample("frames", "", image, result.time_s, facts)


def _source(result: FrameResult, model_id: str) -> dict[str, object]:
    return {
        "reading": [standing.text for standing in result.standing],
        "frame": result.frame,
        **({"name": result.name} if result.name else {}),
        "model": model_id,
    }


def _line_text(digit: Digit, result: FrameResult) -> str:
    """Give the text of a digit's line, a rejected one as "?"."""
    return "".join(
        other.label if other.accepted else UNREAD
        for other in result.digits
        if other.line == digit.line
    )
