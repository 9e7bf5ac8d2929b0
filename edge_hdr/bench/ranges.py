"""Find out whether a model was opened with values of background and ink that it was not made for.

A float input does not say what it was trained to see, and a model that is shown other values still
answers, only worse. So the usual ranges are tried on digits that are not measured on. Nothing is
switched: the user is told, and decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_hdr.bench.subjects import ONNX, ModelFile, Options, start
from edge_hdr.comparison import mcnemar_exact
from edge_hdr.data.dataset import DIGITS, Split
from edge_hdr.errors import EdgeHdrError

if TYPE_CHECKING:
    from edge_hdr.bench.examples import Examples
    from edge_hdr.bench.request import Reporter, Request
    from edge_hdr_device.bench.subject import Subject

Range = tuple[float, float]
# background and ink; the last is (x − 0.1307) / 0.3081 for x of 0 and 1
# Source: the mean and deviation of MNIST's training images, as PyTorch's MNIST example has them.
USUAL: tuple[Range, ...] = ((0, 1), (0, 255), (-1, 1), (1, 0), (-0.4242, 2.8215))
TRIED = 500  # digits
DRAWN, DRAWN_SEED = 300, 990_602_000  # of procedural strokes, where all real digits are measured on
SURE = 0.001  # so small must the chance be that another range is as good as the one in use


@dataclass(frozen=True)
class Better:
    """A range with which a model reads clearly more.

    Attributes:
        file: the model.
        limits: the range.
        right: digits read with it.
        right_now: those read as the model was opened.
        n: digits that were tried.
    """

    file: ModelFile
    limits: Range
    right: int
    right_now: int
    n: int

    def __str__(self) -> str:
        """Give the warning: both figures, and what to do."""
        low, high = self.limits
        now, then = (f"{100 * right / self.n:.1f} %" for right in (self.right_now, self.right))
        toml = self.file.path.with_suffix(".toml").name
        return (
            f"{self.file.name}: its input range is probably wrong, and its figures with it: it "
            f"reads {now} of {self.n} other digits, and {then} with {low:g},{high:g}; add "
            f"--input-range={low:g},{high:g}, or input_range = [{low:g}, {high:g}] in {toml}"
        )


def range_of_run(files: Sequence[ModelFile], options: Options) -> Range | None:
    """Give the range of a board's run: that of the first TFLite model without a manifest."""
    foreign = [file for file in files if not file.manifest and file.path.suffix != ONNX]
    return foreign[0].input_range(options) if foreign else options.input_range


def range_warnings(
    request: Request,
    files: Sequence[ModelFile],
    subjects: dict[str, Subject],
    examples: Examples,
    reporter: Reporter,
) -> list[str]:
    """Try the usual ranges on each model whose range nobody gave; a warning each.

    Args:
        request: what was asked for.
        files: of the models.
        subjects: those that are open, by name; the others are opened on this processor.
        examples: their digits that are not measured on are tried.
        reporter: is told.
    """
    options = request.options
    unsaid = [file for file in files if not (file.manifest or file.input_range(options))]
    if not unsaid:
        return []
    digits = to_try(examples.apart, examples.classes)
    here = replace(options, threads=max(1, options.threads), delegate="xnnpack")
    found = []
    for number, file in enumerate(unsaid if len(digits) else (), start=1):
        reporter.progress("trying input ranges", number, len(unsaid))
        try:
            subject = subjects.get(file.name) or start(file, here)
            right = _right(subject, digits)
            better = better_range(right, _others(file, here, digits))
        except EdgeHdrError:  # it does not run here; its own measurement tells
            continue
        if better:
            limits, count = better
            found.append(str(Better(file, limits, count, int(right.sum()), len(digits))))
    return found


def better_range(
    right: NDArray[np.bool_], others: Iterator[tuple[Range, NDArray[np.bool_]]]
) -> tuple[Range, int] | None:
    """Give the range that reads most, where it clearly reads more than the one in use.

    That is: McNemar's exact test on the same digits gives p < 0.001. With ten errors or fewer no
    other range can be so much better, and none is tried.

    Args:
        right: bool (N,), digits that the model reads as it was opened.
        others: the same by other ranges.

    Returns:
        The range and how many it reads; None where none is clearly better.
    """
    if mcnemar_exact(0, int((~right).sum())) >= SURE:
        return None
    limits, best = max(others, key=lambda tried: int(tried[1].sum()))
    gained, lost = int((best & ~right).sum()), int((right & ~best).sum())
    if gained <= lost or mcnemar_exact(lost, gained) >= SURE:
        return None
    return limits, int(best.sum())


def to_try(apart: Split, classes: tuple[str, ...]) -> Split:
    """Give digits to try ranges on: of a part that is not measured on, else drawn ones.

    Args:
        apart: digits that are not measured on; may be empty.
        classes: what labels stand for.
    """
    if len(apart):
        chosen = np.random.default_rng(0).permutation(len(apart))[:TRIED]
        return apart.take(np.sort(chosen))
    if classes != DIGITS:
        return apart
    from edge_hdr.data.strokes import make_split

    return make_split(DRAWN, seed=DRAWN_SEED, workers=1)


def _others(
    file: ModelFile, options: Options, digits: Split
) -> Iterator[tuple[Range, NDArray[np.bool_]]]:
    for limits in USUAL:
        subject = start(file, replace(options, input_range=limits))
        yield limits, _right(subject, digits)


def _right(subject: Subject, digits: Split) -> NDArray[np.bool_]:
    return np.asarray(subject.logits(digits.images).argmax(axis=1) == digits.labels, np.bool_)
