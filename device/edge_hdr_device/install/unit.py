"""The unit of a release, and what root does before its service starts for the first time."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_hdr_device.errors import ConfigError, DeviceStepError
from edge_hdr_device.install import holding, release
from edge_hdr_device.install.configuration import SHOWN, ask, check, make_scratch
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.release import LAUNCHER, UNIT
from edge_hdr_device.storage import write_atomic

PREPARE_S = 60.0
MADE_OF = "unit.made-of"  # in a release: the hash of all that its unit depends on
DEPENDS = ("/etc/passwd", "/etc/group", "/proc/cmdline", "/usr/bin/systemctl", "/dev/apex_0")


@dataclass(frozen=True)
class Arranged:
    """What came of arranging for the service.

    Attributes:
        token: of the page, if one was made now.
        token_file: where its hash is.
    """

    token: str | None = None
    token_file: Path | None = None

    def forget(self) -> None:
        """Remove a token that nobody was told."""
        if self.token and self.token_file:
            self.token_file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Prepared:
    """What the service wants beside its unit.

    Attributes:
        steps: commands that root runs before the service starts.
        notes: what the reader should know, a sentence each.
    """

    steps: tuple[str, ...]
    notes: tuple[str, ...]


def arrange(layout: Layout, folder: Path, config: bytes, warn: Callable[[str], None]) -> Arranged:
    """Write a release's unit, prepare what it wants, and let the release try the settings.

    Args:
        layout: what the unit is for.
        folder: of the release.
        config: settings that the service is to run with.
        warn: told what the reader should know.

    Raises:
        ConfigError: the release could not run with these settings.
        DeviceStepError: something could not be prepared.
    """
    if take_over(layout, folder, config):
        with contextlib.suppress(ConfigError):  # something that they name is not as it was
            check(layout, folder, config)
            return Arranged()
    made = write_unit(layout, folder, config)
    arranged = Arranged(prepare(made.steps), token_file(made.steps))
    for note in made.notes:
        warn(note)
    try:
        check(layout, folder, config)
        write_atomic(folder / MADE_OF, _made_of(layout, folder, config))
    except BaseException:
        arranged.forget()
        raise
    return arranged


def write_unit(layout: Layout, folder: Path, config: bytes) -> Prepared:
    """Let a release write its unit.

    Args:
        layout: what the unit is for.
        folder: of the release, where the unit goes.
        config: settings that the service is to run with.

    Raises:
        EdgeHdrError: the service could not run with these settings.
    """
    scratch = make_scratch(layout, config)
    words = ["service", "--json", "--force", "--program", str(layout.program)]
    words += ["--settle", str(layout.settle), "--config", str(scratch / SHOWN)]
    words += ["--user-unit"] if layout.mode == "user" else []
    made = scratch / UNIT
    data = ask(layout, folder, scratch, [*words, "--out", str(made)])
    text = made.read_text(encoding="utf-8").replace(str(scratch / SHOWN), str(layout.config))
    place = folder / UNIT
    if not place.is_file() or place.read_text(encoding="utf-8") != text:
        write_atomic(place, text)
    program, launcher = str(layout.program), str(folder / LAUNCHER)  # the first is not there yet
    steps = tuple(str(step).replace(program, launcher) for step in data.get("prepare", []))
    notes = (str(note) for note in data.get("notes", []))
    return Prepared(steps, tuple(note for note in notes if str(scratch) not in note))


def prepare(steps: tuple[str, ...]) -> str | None:
    """Run what the service wants beforehand, as root.

    Returns:
        The token of the page, where one was made.

    Raises:
        DeviceStepError: a step failed.
    """
    token = None
    for step in steps:
        done = holding.run(["sh", "-c", step], timeout_s=PREPARE_S)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines() or [""]
            raise DeviceStepError(
                f"{step} failed: {said[-1]}", hint="run it by hand as root, then deploy again"
            )
        if " token " in step and "--token-file" in step:
            token = done.stdout.strip().splitlines()[-1]
    return token


def token_file(steps: tuple[str, ...]) -> Path | None:
    """Find the file of the token that the steps make; None where they make none."""
    for step in steps:
        if " token " in step and (found := re.search(r"--token-file[ =](\S+)", step)):
            return Path(found[1].strip("'"))
    return None


def take_over(layout: Layout, folder: Path, config: bytes) -> bool:
    """Take the current release's unit for another one, where it would be the same.

    Writing it anew takes long on a small board. It is the same where device package, settings and
    machine are.

    Returns:
        Whether it was taken.
    """
    current = release.current(layout)
    if current is None:
        return False
    made_of = _made_of(layout, folder, config)
    with contextlib.suppress(OSError):
        if (current.folder / MADE_OF).read_text(encoding="utf-8") == made_of:
            unit = (current.folder / UNIT).read_text(encoding="utf-8")
            write_atomic(folder / UNIT, unit)
            write_atomic(folder / MADE_OF, made_of)
            return True
    return False


def _made_of(layout: Layout, folder: Path, config: bytes) -> str:
    """Give a hash of all that a unit depends on, but for what the settings name."""
    found = hashlib.sha256(config)
    found.update(repr((layout, (folder / release.RUNTIME_LINK).readlink().name)).encode())
    for name in DEPENDS:
        with contextlib.suppress(OSError):
            found.update(f"{name} {Path(name).stat().st_mtime_ns}".encode())
    return found.hexdigest() + "\n"
