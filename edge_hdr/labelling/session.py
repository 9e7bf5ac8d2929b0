"""Label a folder: read it, serve the page, and leave the folder as training takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr.data.folder_index import LABELS_FILE
from edge_hdr.errors import DataError, DependencyError
from edge_hdr.labelling.access import Door
from edge_hdr.labelling.app import Desk, make_app
from edge_hdr.labelling.doubt import Progress, Sample, looks_whole, sort_by_doubt
from edge_hdr.labelling.ledger import Ledger
from edge_hdr.labelling.tables import NON_DIGIT, NON_DIGITS_FILE, OPEN, SKIPPED, pictures
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.settings import WebConfig
from edge_hdr_device.web.server import PageServer

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Session:
    """A folder whose label page is served.

    Attributes:
        samples: what is shown, the most doubtful first.
        warnings: what was left out, a line each.
        address: of the page; whoever knows it may use the page as long as it is served.
        address_once: the same, to be opened once.
    """

    ledger: Ledger
    desk: Desk
    samples: Sequence[Sample]
    warnings: Sequence[str]
    address: str
    address_once: str

    def result(self) -> dict[str, Any]:
        """Count what is said by now, as JSON-ready values."""
        counts = self.ledger.count(sample.file for sample in self.samples)
        left = {word: counts.pop(word, 0) for word in (NON_DIGIT, SKIPPED, OPEN)}
        folder = self.ledger.folder
        tables = [folder / LABELS_FILE, folder / NON_DIGITS_FILE]
        return {
            "folder": str(folder),
            "samples": len(self.samples),
            "labelled": sum(counts.values()),
            "classes": dict(sorted(counts.items())),
            "non_digits": left[NON_DIGIT],
            "skipped": left[SKIPPED],
            "open": left[OPEN],
            "tables": [str(table) for table in tables if table.is_file()],
        }


@contextmanager
def serving(
    folder: Path, model: Path, *, port: int = 0, progress: Progress | None = None
) -> Iterator[Session]:
    """Serve the label page of a folder until the end of the body.

    Args:
        folder: of crops, one digit each; sub-folders too.
        model: a `.tflite` file, which says what is doubtful.
        port: of this machine alone; 0 takes one that is free.
        progress: called with "reading samples", the files read and the files in all.

    Raises:
        DependencyError: starlette or uvicorn is not installed.
        DataError: no folder, no pictures, or a table that cannot be read.
        ModelError: the model cannot be used.
        StorageError: the folder cannot be written, another program labels it, or, at the end, a
            table could not be written.
        ConfigError: the port cannot be had.
    """
    check_installed()
    classifier = Classifier(model)
    files, unwritable = pictures(folder)
    ledger = Ledger(folder, files, classifier.labels)
    try:
        samples, broken = sort_by_doubt(folder, files, classifier, ledger.said, progress)
        if not samples:
            raise DataError(
                f"none of {len(files)} files in {folder} can be read, the first is {broken[0]}",
                hint="copy them again",
            )
        desk, door = Desk(ledger, samples), Door()
        server = PageServer(make_app(desk, door), WebConfig(host=HOST, port=port))
        server.start()
        try:
            origin = server.url.rstrip("/")
            warnings = _warnings(unwritable, broken, ledger.damaged)
            yield Session(
                ledger, desk, samples, [*_doubts(samples), *warnings],
                origin + door.path(), origin + door.path_once(),
            )  # fmt: skip
        finally:
            server.stop()
    finally:
        ledger.close()


def check_installed() -> None:
    """Make sure that a page can be served.

    Raises:
        DependencyError: starlette or uvicorn is not installed.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise DependencyError(
            "edge-hdr label wants the packages starlette and uvicorn",
            hint="pip install 'edge-hdr[device]', or pip install starlette uvicorn",
        ) from error


def _doubts(samples: Sequence[Sample]) -> list[str]:
    if not looks_whole(samples):
        return []
    return [
        "these look like whole photos, not like crops of one digit each: edge-hdr recognize and "
        "edge-hdr evaluate --photos read those"
    ]


def _warnings(unwritable: Sequence[str], broken: Sequence[str], damaged: int) -> list[str]:
    lines = [f"left out {name!r}: a table cannot name it; rename it" for name in unwritable]
    lines += [f"left out {line}" for line in broken]
    if damaged:
        lines.append(f"the journal has {damaged} lines that make no sense; the others count")
    return lines
