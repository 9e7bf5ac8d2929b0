"""Which programs have a device open, as far as the kernel lets us see."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def holders(paths: Iterable[str], proc: Path = Path("/proc")) -> list[tuple[int, str]]:
    """List the other processes that have one of the files open.

    Args:
        paths: of the files; links are followed.
        proc: where the kernel shows its processes; those of other users show nothing.

    Returns:
        Number and name of each process.
    """
    wanted = {os.path.realpath(path) for path in paths}
    found = []
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        if int(process.name) != os.getpid() and not wanted.isdisjoint(_open_files(process)):
            found.append((int(process.name), _name(process)))
    return found


def named_holders(paths: Iterable[str]) -> str:
    """Name the other processes that have one of the files open, as "motion (process 812)"."""
    return ", ".join(f"{name} (process {number})" for number, name in holders(paths))


def _open_files(process: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):  # it has ended, or belongs to another user
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):  # it was closed meanwhile
                yield str(link.readlink())


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process"
