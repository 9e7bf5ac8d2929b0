"""What a bench run is asked for, and whom it tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edge_hdr.bench.subjects import Options
from edge_hdr.measure import SplitName

if TYPE_CHECKING:
    from edge_hdr.remote import Installed
    from edge_hdr.transport import Connection


@dataclass(frozen=True)
class Board:
    """A board to measure on.

    Attributes:
        target: as the user named it.
        connection: to it.
        installed: its edge-hdr.
        model: one on the board instead of models of this computer; None is the deployed one.
    """

    target: str
    connection: Connection
    installed: Installed
    model: str | None = None


@dataclass(frozen=True)
class Baseline:
    """An earlier run to compare with.

    Attributes:
        path: where its document lies.
        document: see `edge_hdr.bench.baseline.read_baseline`.
        tolerance: share by which bytes, time and instructions may grow.
    """

    path: Path
    document: dict[str, Any]
    tolerance: float = 0.05


@dataclass(frozen=True)
class Request:
    """What is to be measured, and how.

    Attributes:
        models: released names, builds, `.tflite` or `.onnx` files; none is all that are released,
            or on a board the one that is there.
        options: how models are opened.
        data: mnist, strokes, or a folder.
        data_dir: where MNIST is looked for first.
        split: test, validation or all.
        accuracy: False measures speed and size alone.
        seconds: to measure the speed of all models for.
        frame: whether the whole path of a camera's frame is measured too.
        sweep: whether other threads, delegates and batches are tried.
        cold: fresh processes a model; 0 for none.
        robustness: examples to corrupt; 0 for none.
        adversary: a build's folder with the float model that is attacked.
        board: where it is measured; None is this computer.
        baseline: what it is compared with; None is nothing.
        command: that is told in the document.
    """

    models: Sequence[str] = ()
    options: Options = field(default_factory=Options)
    data: str = "mnist"
    data_dir: Path | None = None
    split: SplitName = "test"
    accuracy: bool = True
    seconds: float = 10.0
    frame: bool = True
    sweep: bool = False
    cold: int = 5
    robustness: int = 0
    adversary: Path | None = None
    board: Board | None = None
    baseline: Baseline | None = None
    command: str = "edge-hdr bench"


class Reporter(Protocol):
    """What a run tells while it works."""

    def progress(self, text: str, done: int, total: int | None) -> None:
        """Tell how far something is."""

    def warn(self, message: str) -> None:
        """Tell a line at once."""
