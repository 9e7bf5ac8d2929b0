"""What each board of a fleet gets: payloads by their settings, wheels by what a board needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr.errors import CheckFailedError
from edge_hdr.fleet.course import Parcel
from edge_hdr.fleet.engine import Engine
from edge_hdr.fleet.inventory import Board
from edge_hdr.fleet.questions import facts

if TYPE_CHECKING:
    from edge_hdr.signing import SigningKey


class Packing:
    """Builds payloads as they are needed, each once.

    Args:
        model: a `.tflite` file.
        config: settings of boards that name none of their own; None leaves those of the board.
        key: signs the payloads.
        offline: bring along the packages that a board has to install.
        user: all boards get an installation of the user's own.
        tell: hears of what takes long, a line each.
    """

    def __init__(
        self,
        model: Path,
        *,
        config: Path | None = None,
        key: SigningKey | None = None,
        offline: bool = False,
        user: bool = False,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._model, self._config, self._key = model, config, key
        self._offline, self._user, self._tell = offline, user, tell
        self._boards: dict[str, Board] = {}
        self._made: dict[tuple[Path | None, Path | None], Parcel] = {}
        self._folder = Path()

    def plain(self, known: Sequence[Board], folder: Path) -> dict[str, Parcel]:
        """Give each board's parcel without wheels, by its name.

        Raises:
            ModelError, ConfigError: the model, or a board's settings, cannot be used.
        """
        self._folder = folder
        self._boards = {board.name: board for board in known}
        return {board.name: self._parcel(board, None) for board in known}

    def with_wheels(
        self, engine: Engine, inventory: Path, parcels: Mapping[str, Parcel]
    ) -> dict[str, Parcel]:
        """Add wheels to the parcels of boards that have to make an environment.

        A board that does not answer, or that nothing exists for, keeps its own: it says why itself.

        Raises:
            UnreachableError: the package index does not answer.
        """
        if not self._offline or not parcels:
            return dict(parcels)
        self._tell(f"looking at {len(parcels)} boards")
        found = facts(engine, inventory, [self._boards[name] for name in parcels])
        return {
            name: self._parcel(board, self._wheels(board, found.get(name)))
            for name, board in self._boards.items()
            if name in parcels
        }

    def _wheels(self, board: Board, found: dict[str, Any] | None) -> Path | None:
        from edge_hdr import wheelhouse
        from edge_hdr_device.install.requirements import Platform, plan

        if found is None:
            return None
        try:
            environment = plan(Platform.of(found))
        except CheckFailedError:
            return None
        is_system = found["sudo"] in {"root", "free"} and not (board.user or self._user)
        there = found["edge_hdr"] or {}
        is_ours = there.get("mode") == ("system" if is_system else "user")
        is_there = is_ours and environment.key in there.get("environments", ())
        if is_there or not environment.requirements:
            return None
        return wheelhouse.fetch(Platform.of(found), environment, self._tell)

    def _parcel(self, board: Board, wheels: Path | None) -> Parcel:
        from edge_hdr import payload

        config = board.config or self._config
        if (config, wheels) not in self._made:
            made = payload.build(self._model, config=config, wheels=wheels, key=self._key)
            path = self._folder / f"payload-{len(self._made)}.pyz"
            parcel = Parcel(made.id, path)
            if wheels:
                parcel = replace(parcel, wheels=path.with_suffix(".wheels.zip"))
                made.write_split(path, path.with_suffix(".wheels.zip"))
            else:
                made.write(path)
            self._made[config, wheels] = parcel
        return self._made[config, wheels]
