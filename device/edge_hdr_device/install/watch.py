"""Watch a service that was just started: up all the time, alive, and with frames."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edge_hdr_device.config import resolve
from edge_hdr_device.errors import DeviceStepError, EdgeHdrError
from edge_hdr_device.install.systemd import UnitState
from edge_hdr_device.settings import WebConfig

POLL_S = 0.2
ANSWER_S = 2.0  # for one answer of the page
PATIENCE_S = 20.0  # beyond a short window, for what must come: the first answer, the first frames
END_S = 2.0  # for a service that ends to have ended
STREAMING = "camera streaming"  # what the service says of itself once frames come
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - only asked

Note = Callable[[str], None]


class Asks(Protocol):
    """Whatever tells the state of the service."""

    def show(self) -> UnitState:
        """Ask for the state now."""


@dataclass(frozen=True)
class Page:
    """The page of the service, asked from this machine.

    Attributes:
        host: name or address to ask.
        port: of it.
        tls: whether it is encrypted; its certificate is not verified, as it never leaves here.
    """

    host: str
    port: int
    tls: bool = False

    @classmethod
    def of(cls, config: Path) -> Page | None:
        """Find the page in the settings; None where it is off, or not known."""
        try:
            web = resolve({}, file=config, environment={}).web
        except EdgeHdrError:
            return None
        return cls.of_settings(web)

    @classmethod
    def of_settings(cls, web: WebConfig) -> Page | None:
        """Find the page in its table of the settings."""
        if not web.enabled or not web.port:
            return None
        host = web.host.strip("[]")
        return cls(EVERYWHERE.get(host, host), web.port, bool(web.cert))

    @property
    def url(self) -> str:
        """Give its address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/"

    def alive(self) -> bool | None:
        """Tell whether the frame loop lives; None without an answer."""
        return self._says_yes("/healthz")

    def ready(self) -> bool | None:
        """Tell whether frames come and can be read; None without an answer."""
        return self._says_yes("/readyz")

    def _says_yes(self, path: str) -> bool | None:
        line = self._connection()
        try:
            line.request("GET", path, headers={"Connection": "close"})
            return line.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self.tls:
            return http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_S)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(self.host, self.port, timeout=ANSWER_S, context=context)


@dataclass(frozen=True)
class Watched:
    """How a service did over its window.

    Attributes:
        ready: whether frames came.
        warning: why not, as far as the service says; empty when they came.
        pid: of the process that was watched.
    """

    ready: bool
    warning: str
    pid: int


def is_ready(state: UnitState, page: Page | None) -> bool:
    """Tell whether frames come: by the page, else by what the service says of itself."""
    return bool(page.ready()) if page else state.text.startswith(STREAMING)


def watch(
    unit: Asks, page: Page | None, *, window_s: float, frames_needed: bool, note: Note | None = None
) -> Watched:
    """Watch a service through a window; it ends early when the service does.

    Args:
        unit: tells its state.
        page: of the service; None where it has none.
        window_s: how long it must stay up.
        frames_needed: whether it fails without frames, as those before it had some.
        note: told once what it still waits for, when that takes longer than the window.

    Raises:
        DeviceStepError: it ended, was started again, does not answer, or has no frames.
    """
    start_s = time.monotonic()
    first = unit.show()
    if not first.runs or not first.pid:
        raise DeviceStepError(f"the service does not run: {first.in_words}")
    look = _Look(unit, page, first, start_s)
    told = False
    while True:
        look.again()
        passed_s = time.monotonic() - start_s
        missing = look.missing(frames_needed=frames_needed)
        if passed_s >= window_s:
            if not missing:
                return Watched(look.ready, look.warning, first.pid)
            if passed_s >= max(window_s, PATIENCE_S):
                raise DeviceStepError(f"{missing} ({passed_s:.0f} s after its start{look.reason})")
            if note and not told:
                note(f"waiting longer: {missing}")
            told = True
        time.sleep(max(0.01, min(POLL_S, window_s - passed_s)) if passed_s < window_s else POLL_S)


@dataclass
class _Look:
    """What was seen of the service so far."""

    unit: Asks
    page: Page | None
    first: UnitState
    start_s: float
    last: UnitState = field(default_factory=UnitState)
    alive: bool | None = None
    ready: bool = False

    def again(self) -> None:
        """Ask once more.

        Raises:
            DeviceStepError: it is not what was started any more.
        """
        state = self.last = self.unit.show()
        after = f"{time.monotonic() - self.start_s:.1f} s after its start"
        if not state.runs:
            raise DeviceStepError(f"the service ended {after}: {self._end(state).in_words}")
        if (state.pid, state.restarts) != (self.first.pid, self.first.restarts):
            raise DeviceStepError(f"the service ended {after} and was started again")
        if self.page:
            self.alive = self.page.alive()
        if not self.ready:
            self.ready = is_ready(state, self.page)

    def _end(self, state: UnitState) -> UnitState:
        """Give the state once it has ended, which says why."""
        end_s = time.monotonic() + END_S
        while state.active == "deactivating" and time.monotonic() < end_s:
            time.sleep(POLL_S / 2)
            state = self.unit.show()
        return state

    def missing(self, *, frames_needed: bool) -> str:
        """Say what is not as it must be; empty when all is."""
        if self.page and not self.alive:
            said = "did not say that it lives" if self.alive is False else "did not answer"
            return f"the page of the service, {self.page.url}, {said}"
        if frames_needed and not self.ready:
            return "the service has no frames, which it had before"
        return ""

    @property
    def warning(self) -> str:
        """Say that no frames came, if so."""
        return "" if self.ready else f"no frames yet{self.reason}"

    @property
    def reason(self) -> str:
        """Say what the service says of itself."""
        return f": {self.last.text}" if self.last.text else ""
