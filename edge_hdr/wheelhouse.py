"""The packages of a board without network: wheels that pip fetches here, kept for the next time."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from edge_hdr.data.cache import cache_dir, locked
from edge_hdr.errors import DependencyError, StorageError, UnreachableError
from edge_hdr_device.storage import storage_error, write_atomic

if TYPE_CHECKING:
    from edge_hdr_device.install.requirements import EnvironmentPlan, Platform

SUMS = "SHA256SUMS"
LIMIT_S = 1800.0  # for all wheels together, on a slow line
RETRIES = 2
_PART = ".part-"
_FULL = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
)
_SILENT = ("connection broken by", "Could not fetch URL", "Connection refused", "timed out",
           "Temporary failure in name resolution", "Cannot connect to proxy")  # fmt: skip
_ELSEWHERE = (
    "run it where pip reaches its index, or put the wheels into a folder and set "
    "PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER"
)

Note = Callable[[str], None]
Count = Callable[[str, int, int | None], None]


def fetch(
    platform: Platform,
    plan: EnvironmentPlan,
    progress: Note | None = None,
    *,
    counted: Count | None = None,
) -> Path:
    """Fetch the wheels of a plan for a platform, or find those of an earlier time.

    pip fetches them by its own configuration, for the platform given and never for this machine.

    Args:
        platform: of the board.
        plan: whose requirements are exact and complete.
        progress: told in words what is being fetched.
        counted: told the same as the package's name, its number and how many there are.

    Returns:
        A folder with exactly the plan's wheels.

    Raises:
        UnreachableError: pip's index does not answer, or lacks one of the wheels.
        DependencyError: there is no pip here.
        StorageError: the cache cannot be written.
    """
    folder = _place(platform, plan)
    with locked(folder.parent):
        if is_whole(folder, plan):
            return folder
        with _work(folder.parent) as work:
            wheels = work / "wheels"
            wheels.mkdir()
            _download(platform, plan, wheels, _Teller(plan, progress, counted))
            write_sums(wheels)
            _check(wheels, plan)
            _put(wheels, folder, work / "before")
    return folder


def _place(platform: Platform, plan: EnvironmentPlan) -> Path:
    made_of = "\n".join([*platform.pip_options, "", *plan.requirements])
    key = hashlib.sha256(made_of.encode()).hexdigest()[:12]
    return cache_dir() / "wheels" / f"{platform.machine}-py{platform.python}-{key}"


class _Teller:
    """Turn pip's lines into progress."""

    def __init__(self, plan: EnvironmentPlan, note: Note | None, count: Count | None) -> None:
        self._total, self._done = len(plan.requirements), 0
        self._note, self._count = note, count

    def line(self, text: str) -> None:
        """Take a line; a wheel that lies in a folder is "processed", any other "collected"."""
        word, _, rest = text.partition(" ")
        if word == "Processing":
            name, version = _pin_of(Path(rest.strip()).name)
        elif word == "Collecting":
            name, version = _pin(rest.split()[0])
        else:
            return
        self._done += 1
        if self._note is not None:
            self._note(f"{self._done} of {self._total}: {name} {version}")
        if self._count is not None:
            self._count(f"{name} {version}", self._done, self._total)


def _download(platform: Platform, plan: EnvironmentPlan, to: Path, teller: _Teller) -> None:
    if PathFinder.find_spec("pip") is None:  # other finders may warn
        raise DependencyError(
            "fetching packages needs pip, which this Python lacks",
            hint=f"{sys.executable} -m ensurepip",
        )
    quiet = ("--disable-pip-version-check", "--no-input", "--progress-bar=off", "--no-color")
    download = ("download", "--no-deps", f"--retries={RETRIES}", "--dest", str(to))
    lines = _run(
        (sys.executable, "-m", "pip", *download, *quiet, *platform.pip_options, "--",
         *plan.requirements),
        teller.line,
    )  # fmt: skip
    if lines is not None:
        raise _explained(lines, platform, to)


def _run(command: Sequence[str], on_line: Callable[[str], None]) -> list[str] | None:
    """Run pip; give its lines when it failed. It dies with an interruption and after a limit."""
    lines: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        limit = threading.Timer(LIMIT_S, process.kill)
        limit.start()
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                on_line(lines[-1])
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            limit.cancel()
    return lines if code else None


def _explained(lines: list[str], platform: Platform, to: Path) -> StorageError | UnreachableError:
    """Say why pip failed."""
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    text = "\n".join(lines)
    if full := next((word for word in _FULL if word in text), None):
        return StorageError(
            f"the wheels cannot be written to {to.parent}: {full}",
            hint="free some space, or name another cache by XDG_CACHE_HOME",
        )
    if silent := next((line for line in lines if any(word in line for word in _SILENT)), None):
        return UnreachableError(
            f"pip's index does not answer: {silent.removeprefix('WARNING: ')[:200]}",
            hint=_ELSEWHERE,
        )
    reason = (errors or [f"pip did not end within {LIMIT_S:g} s"])[0]
    return UnreachableError(
        f"pip has no wheels for {platform.machine} with Python {platform.python}: {reason[:200]}",
        hint=_ELSEWHERE,
    )


def _check(folder: Path, plan: EnvironmentPlan) -> None:
    if not is_whole(folder, plan):
        raise UnreachableError(
            f"pip fetched {len(list(folder.glob('*.whl')))} of {len(plan.requirements)} wheels",
            hint=_ELSEWHERE,
        )


def is_whole(folder: Path, plan: EnvironmentPlan) -> bool:
    """Tell whether a folder has a wheel for each requirement, each as it was fetched."""
    try:
        lines = (folder / SUMS).read_text().splitlines()
        kept = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        names = {path.name for path in folder.glob("*.whl")}
        return (
            names == set(kept)
            and {_pin_of(name) for name in names} == {_pin(text) for text in plan.requirements}
            and all(_sha256(folder / name) == digest for name, digest in kept.items())
        )
    except (OSError, ValueError):
        return False


def write_sums(folder: Path) -> None:
    """Note what the wheels of a folder are, so that a later look can tell."""
    wheels = sorted(path for path in folder.glob("*.whl") if zipfile.is_zipfile(path))
    lines = [f"{_sha256(path)}  {path.name}\n" for path in wheels]
    write_atomic(folder / SUMS, "".join(lines))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pin_of(wheel: str) -> tuple[str, str]:
    """Give name and version of a wheel by its file's name."""
    name, version, *_ = (*wheel.split("-"), "")
    return _plain(name), version


def _pin(requirement: str) -> tuple[str, str]:
    name, _, version = requirement.partition("==")
    return _plain(name), version


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


@contextmanager
def _work(cache: Path) -> Iterator[Path]:
    """Give a folder that is gone afterwards, as is what a killed process left of its own."""
    for left in cache.glob(f"{_PART}*"):
        shutil.rmtree(left, ignore_errors=True)
    work = None
    try:
        work = Path(tempfile.mkdtemp(prefix=_PART, dir=cache))
        yield work
    except OSError as error:
        raise storage_error(cache, error) from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _put(wheels: Path, folder: Path, before: Path) -> None:
    """Put a whole folder in the place of whatever is there."""
    if folder.exists():
        folder.rename(before)
    wheels.rename(folder)
