"""The userlands that boards have, and the Python packages that go with each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_hdr_device.install.pins import NUMPY_1_PINS, TFLITE_PINS
from edge_hdr_device.install.requirements import Platform

ROOT = Path(__file__).parents[2]
EXTRAS = ("page", "mqtt", "metrics")  # beside the runtime's and OpenCV's
MACHINES = {"arm64": "aarch64", "armhf": "armv7l"}
EMULATORS = {"aarch64": "qemu-aarch64", "armv7l": "qemu-arm"}


@dataclass(frozen=True)
class Board:
    """A userland with an interpreter for the models.

    Attributes:
        name: short, of this combination.
        system: what a user calls it.
        suite: Debian's name of the release.
        arch: Debian's name of the architecture.
        python: version of the release's Python.
        runtime: extra of the device package that brings the interpreter, litert or tflite.
        cpus: processors to emulate, as QEMU names them; the first stands for the board.
        pins: versions other than those of constraints.txt.
        debian: packages taken from Debian where PyPI has no wheels, with the names that they
            have on PyPI.
    """

    name: str
    system: str
    suite: str
    arch: str
    python: str
    runtime: str
    cpus: tuple[str, ...]
    pins: tuple[str, ...] = ()
    debian: tuple[tuple[str, str], ...] = ()

    @property
    def machine(self) -> str:
        """Give what `platform.machine()` answers."""
        return MACHINES[self.arch]

    @property
    def extras(self) -> tuple[str, ...]:
        """Name the extras that pip installs."""
        opencv = () if "opencv-python-headless" in dict(self.debian).values() else ("opencv",)
        return (self.runtime, *opencv, *EXTRAS)

    def requirements(self) -> list[str]:
        """List the requirements that pip fetches, from the device package's own metadata.

        Their markers are left out, because pip would judge them by the machine that it runs on.
        """
        project = tomllib.loads((ROOT / "device" / "pyproject.toml").read_text())["project"]
        wanted = [*project["dependencies"]]
        for extra in self.extras:
            wanted += project["optional-dependencies"][extra]
        provided = set(dict(self.debian).values())
        plain = [requirement.partition(";")[0].strip() for requirement in wanted]
        return [requirement for requirement in plain if name(requirement) not in provided]

    def constraints(self) -> list[str]:
        """List exact versions: the project's, with this board's own in their place."""
        lines = (ROOT / "constraints.txt").read_text().splitlines()
        pinned = {name(pin) for pin in self.pins}
        return [line for line in lines if name(line) not in pinned] + list(self.pins)


def name(requirement: str) -> str:
    """Give a requirement's project name, normalized as PyPI does."""
    found = re.match(r"[A-Za-z0-9._-]*", requirement.strip())
    return re.sub(r"[-_.]+", "-", found[0] if found else "").lower()


def pinned(pins: Mapping[str, str]) -> tuple[str, ...]:
    """Write versions as pip's requirements."""
    return tuple(f"{name}=={version}" for name, version in pins.items())


NUMPY_1 = pinned({"numpy": Platform.named("bookworm-64-picamera2").numpy} | NUMPY_1_PINS)
TFLITE = pinned(TFLITE_PINS)
DEBIANS = (("python3-numpy", "numpy"), ("python3-opencv", "opencv-python-headless"))

BOARDS = (
    Board(
        name="bookworm-64",
        system="64-bit Bookworm, ai-edge-litert",
        suite="bookworm",
        arch="arm64",
        python="3.11",
        runtime="litert",
        cpus=("cortex-a72", "cortex-a53", "cortex-a76"),  # Pi 4; 3 and Zero 2 W; 5
    ),
    Board(
        name="bookworm-64-numpy1",
        system="64-bit Bookworm, ai-edge-litert beside the system's numpy (picamera2)",
        suite="bookworm",
        arch="arm64",
        python="3.11",
        runtime="litert",
        cpus=("cortex-a72",),
        pins=NUMPY_1,
    ),
    Board(
        name="bookworm-64-tflite",
        system="64-bit Bookworm, tflite-runtime",
        suite="bookworm",
        arch="arm64",
        python="3.11",
        runtime="tflite",
        cpus=("cortex-a72",),
        pins=TFLITE,
    ),
    Board(
        name="bookworm-32",
        system="32-bit Bookworm, tflite-runtime, Debian's numpy and OpenCV",
        suite="bookworm",
        arch="armhf",
        python="3.11",
        runtime="tflite",
        cpus=("cortex-a15",),
        pins=TFLITE,
        debian=DEBIANS,
    ),
    Board(
        name="trixie-64",
        system="64-bit Trixie, ai-edge-litert",
        suite="trixie",
        arch="arm64",
        python="3.13",
        runtime="litert",
        cpus=("cortex-a76",),
    ),
)
