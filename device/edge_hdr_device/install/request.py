"""What an installation is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_hdr_device.install.layout import Mode


@dataclass(frozen=True)
class Request:
    """What to install, and how.

    Attributes:
        payloads: archives; the first that has an index counts, the others bring members.
        mode: "system" or "user"; None is root's where this is root.
        service: start it, and at each boot.
        window_s: how long it must stay up before it is kept.
        keep: releases that stay on the board.
        budget_ms: most that the model may take for ten digits; 0 is any time.
        by: who does it, for the lock and the history.
        force: do it again even if nothing would change, and put a unit of somebody's own aside.
        trust: public keys that payloads must be signed with from now on.
    """

    payloads: tuple[Path, ...]
    mode: Mode | None = None
    service: bool = True
    window_s: float = 10.0
    keep: int = 3
    budget_ms: float = 50.0
    by: str = ""
    force: bool = False
    trust: Path | None = None
