"""Run Coral's `edgetpu_compiler` and read what it says.

Source: https://coral.ai/docs/edgetpu/compiler/; the logs in google-coral/edgetpu#427 and #671.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_hdr.slim import named

PROGRAM = "edgetpu_compiler"
MAPPED = "Mapped to Edge TPU"
TIMEOUT_S = 300.0  # the compiler of 2021 gives up by itself after 180 s
HOW_TO_GET = (
    f"{PROGRAM} is not installed, so nothing was compiled: get it on x86-64 Debian or Ubuntu as "
    "https://coral.ai/docs/edgetpu/compiler/ says, or compile model.tflite on such a machine"
)
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZES = {
    "on_chip_used_bytes": "On-chip memory used for caching model parameters",
    "on_chip_left_bytes": "On-chip memory remaining for caching model parameters",
    "off_chip_bytes": "Off-chip memory used for streaming uncached model parameters",
}
_COUNTS = {
    "compile_ms": r"Model compiled successfully in (\d+) ms",
    "subgraphs": r"Number of Edge TPU subgraphs: *(\d+)",
}
_ROW = re.compile(r"^(?P<name>[A-Za-z][\w.-]*) +(?P<count>\d+) +(?P<status>\S.*?) *$", re.MULTILINE)
_REASON = re.compile(
    r"^(?:ERROR|Compilation failed|Internal compiler error|Invalid model|Model (?:not|could))"
    r".*[^!\s]"
)


@dataclass(frozen=True)
class Row:
    """One row of the operator log: so many operators of a kind, and what became of them."""

    name: str
    count: int
    status: str

    @property
    def mapped(self) -> bool:
        """Tell whether the Edge TPU runs them."""
        return self.status == MAPPED


@dataclass(frozen=True)
class CompilerLog:
    """What the compiler said; None for a figure that it did not give.

    Attributes:
        version: of the compiler, "16.0.384591198".
        rows: the operator log.
        compile_ms: time that it took.
        subgraphs: parts of the model that the Edge TPU runs.
        on_chip_used_bytes: parameters kept in the Edge TPU, rounded by the compiler.
        on_chip_left_bytes: room for more.
        off_chip_bytes: parameters sent again for each digit.
        text: all of it.
    """

    version: str
    rows: tuple[Row, ...]
    compile_ms: int | None
    subgraphs: int | None
    on_chip_used_bytes: int | None
    on_chip_left_bytes: int | None
    off_chip_bytes: int | None
    text: str

    @property
    def mapped(self) -> int:
        """Count the operators that the Edge TPU runs."""
        return sum(row.count for row in self.rows if row.mapped)

    @property
    def total(self) -> int:
        """Count all operators of the log."""
        return sum(row.count for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Give it JSON-ready."""
        return {**asdict(self), "mapped": self.mapped, "total": self.total}


@dataclass(frozen=True)
class Compilation:
    """What came of a run of the compiler.

    Attributes:
        log: what it said.
        flatbuffer: the compiled model, no manifest packed; empty when it failed.
        failure: why there is none; empty otherwise.
    """

    log: CompilerLog
    flatbuffer: bytes
    failure: str


def compile_model(flatbuffer: bytes, *, timeout_s: float = TIMEOUT_S) -> Compilation | None:
    """Compile a model for the Edge TPU, in a temporary folder.

    Args:
        flatbuffer: an int8 model without a packed manifest.
        timeout_s: after which the compiler is ended.

    Returns:
        None where the compiler is not installed.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    output, table, compiled = "", "", b""
    try:
        with tempfile.TemporaryDirectory(prefix="edge-hdr-") as name:
            folder = Path(name)
            (folder / "model.tflite").write_bytes(named(flatbuffer))
            code, output = _run([program, "-s", "model.tflite"], folder, timeout_s)
            table = _content(folder / "model_edgetpu.log").decode(errors="replace")
            compiled = _content(folder / "model_edgetpu.tflite")
        failure = "" if code == 0 and compiled else _reason(output) or f"exit status {code}"
    except subprocess.TimeoutExpired:
        failure = f"no end after {timeout_s:g} s"
    except OSError as error:
        failure = f"it cannot be run: {error.strerror or error}"
    return Compilation(parse_log(output, table), b"" if failure else compiled, failure)


def parse_log(output: str, table: str = "") -> CompilerLog:
    """Read the compiler's words.

    Args:
        output: what it printed.
        table: its log file, which lists all operators where the printed table is cut short.
    """
    version = re.search(r"Edge TPU Compiler version (\S+)", output)
    rows = _rows(table) or _rows(output)
    counts = {key: re.search(pattern, output) for key, pattern in _COUNTS.items()}
    figures = {key: int(found[1]) if found else None for key, found in counts.items()}
    sizes = {key: _size(output, words) for key, words in _SIZES.items()}
    text = output.strip()
    if table and not _rows(output):
        text = f"{text}\n\n{table.strip()}"
    return CompilerLog(version[1] if version else "", rows, **figures, **sizes, text=text)


def _run(command: list[str], folder: Path, timeout_s: float) -> tuple[int, str]:
    """Run a program with its children in a group of their own, so that none outlives it."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output.decode(errors="replace")


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _rows(text: str) -> tuple[Row, ...]:
    """Read the table that the line "Operator  Count  Status" heads."""
    head = re.search(r"^Operator +Count +Status *$", text, re.MULTILINE)
    found = _ROW.finditer(text, head.end()) if head else ()
    return tuple(Row(item["name"], int(item["count"]), item["status"]) for item in found)


def _size(text: str, words: str) -> int | None:
    found = re.search(rf"{re.escape(words)}: *([\d.]+) *([KMG]?i?B)", text)
    return round(float(found[1]) * _UNITS[found[2]]) if found else None


def _reason(output: str) -> str:
    """Give what the compiler said of its failure, which is often nothing."""
    said = [found[0] for line in output.splitlines() if (found := _REASON.match(line))]
    return "; ".join(dict.fromkeys(said))
