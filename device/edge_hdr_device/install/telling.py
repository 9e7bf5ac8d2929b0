"""Tell of an installation step by step; what is told is also kept for its outcome."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from edge_hdr_device.install.steps import Progress, State, Tell


class Step:
    """A step that goes on.

    Attributes:
        detail: what is told at its end.
    """

    def __init__(self, name: str, say: Tell) -> None:
        self._name = name
        self._say = say
        self.detail = ""

    def note(self, text: str) -> None:
        """Tell something in between."""
        self._say(Progress(self._name, "note", text))


class Teller:
    """Tell begin and end of each step, and remember warnings.

    Args:
        tell: who is told.

    Attributes:
        current: the step that goes on, or the last one.
        warnings: so far.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.current = ""
        self.warnings: list[str] = []

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Tell of a step around the body; its end is told only if it ends well."""
        self.current = name
        self._say(name, "begin")
        step = Step(name, self._tell)
        yield step
        self._say(name, "end", step.detail)

    def skip(self, name: str, detail: str) -> None:
        """Tell that there is nothing to do for a step."""
        self.current = name
        self._say(name, "skip", detail)

    def warn(self, text: str) -> None:
        """Tell what the reader should know and nothing failed of."""
        self.warnings.append(text)
        self._say(self.current, "warn", text)

    def pass_on(self, progress: Progress) -> None:
        """Tell what a part of a step has to say; its warnings count."""
        if progress.state == "warn":
            self.warnings.append(progress.detail)
        self._tell(progress)

    def _say(self, name: str, state: State, detail: str = "") -> None:
        self._tell(Progress(name, state, detail))
