"""What becomes of the boards of a fleet: events while it goes on, and the outcome at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Result = Literal["updated", "would-update", "same", "failed", "unreachable", "skipped"]
Kind = Literal["wave", "begin", "end", "stop"]

GOOD: frozenset[Result] = frozenset({"updated", "would-update", "same"})


@dataclass(frozen=True)
class BoardError:
    """Why a board was not updated.

    Attributes:
        message: what is wrong, in the words of the board's installer or of ssh.
        hint: what to do about it; empty where there is nothing to add.
        code: short name of the kind, as in a JSON document.
        step: step of the installer that failed; empty where it was not reached.
    """

    message: str
    hint: str = ""
    code: str = "device-step"
    step: str = ""


@dataclass(frozen=True)
class BoardOutcome:
    """What became of a board.

    Attributes:
        board: its name in the inventory.
        result: "updated", "would-update" (under check), "same" (it had the release), "failed",
            "unreachable", or "skipped" (the fleet was stopped before its turn).
        wave: that it was in, from 1; 0 for a board that was not reached.
        before: id of the release that it ran; None for none, or when it was not asked.
        after: id of the release that it runs now; None as before.
        seconds: that it took.
        error: why it was not updated.
        warnings: of its installer, a line each.
        token: of its page, where it was made just now and is shown once.
    """

    board: str
    result: Result
    wave: int = 0
    before: str | None = None
    after: str | None = None
    seconds: float = 0.0
    error: BoardError | None = None
    warnings: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)

    @property
    def good(self) -> bool:
        """Tell whether the board has the release, or under check would get it."""
        return self.result in GOOD

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return asdict(self) | {"warnings": list(self.warnings)}

    @classmethod
    def of(cls, board: str, wave: int, found: Mapping[str, Any]) -> BoardOutcome:
        """Take it from an event of the callback plugin."""
        error = found.get("error")
        return cls(
            board=board,
            result=found["result"],
            wave=wave,
            before=found.get("before"),
            after=found.get("after"),
            seconds=round(float(found.get("seconds") or 0.0), 2),
            error=BoardError(**error) if error else None,
            warnings=tuple(found.get("warnings") or ()),
            token=found.get("token"),
        )


@dataclass(frozen=True)
class BoardEvent:
    """Something that happened while a fleet is deployed.

    Attributes:
        kind: "wave" (one begins), "begin" and "end" (of a board), "stop" (no board is begun now).
        wave: its number, from 1.
        waves: how many there are.
        done: boards that have ended.
        total: boards that are asked.
        board: name; empty for a wave and a stop.
        outcome: of the board, at its end.
        detail: why the fleet stops.
    """

    kind: Kind
    wave: int
    waves: int
    done: int
    total: int
    board: str = ""
    outcome: BoardOutcome | None = None
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class FleetOutcome:
    """What became of a fleet.

    Attributes:
        id: of the release.
        inventory: path of it.
        limit: what it was limited to, or None.
        check: whether nothing was to be changed.
        boards: outcome of each board that the inventory and the limit name.
        before: names of those of an earlier run that were not asked now.
        stopped: why the fleet stopped early; empty when it did not.
        seconds: that it took.
    """

    id: str
    inventory: str
    limit: str | None
    check: bool
    boards: tuple[BoardOutcome, ...]
    before: tuple[str, ...] = ()
    stopped: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Tell whether every board is good."""
        return not self.stopped and all(board.good for board in self.boards)

    @property
    def asked(self) -> tuple[BoardOutcome, ...]:
        """Give the boards that this run asked."""
        earlier = set(self.before)
        return tuple(
            board
            for board in self.boards
            if board.board not in earlier and board.result != "skipped"
        )

    @property
    def counts(self) -> dict[str, int]:
        """Count the boards by result."""
        found: dict[str, int] = {}
        for board in self.boards:
            found[board.result] = found.get(board.result, 0) + 1
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values; each board says whether it was asked."""
        asked = [board.board for board in self.asked]
        return {
            "id": self.id,
            "inventory": self.inventory,
            "limit": self.limit,
            "check": self.check,
            "counts": self.counts,
            "stopped": self.stopped or None,
            "seconds": self.seconds,
            "asked": asked,
            "before": list(self.before),
            "boards": [board.to_dict() | {"asked": board.board in asked} for board in self.boards],
        }


@dataclass(frozen=True)
class BoardStatus:
    """What runs on a board of a fleet.

    Attributes:
        board: its name in the inventory.
        result: "answered", "empty" (no edge-hdr there), "failed" or "unreachable".
        data: its status document; None where it gave none.
        error: why not.
    """

    board: str
    result: Literal["answered", "empty", "failed", "unreachable"]
    data: dict[str, Any] | None = None
    error: BoardError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready values."""
        return asdict(self)
