"""Watching a service: what systemd is made to say is scripted, the page is a real server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from edge_hdr_device.errors import DeviceStepError
from edge_hdr_device.install import watch as watching
from edge_hdr_device.install.systemd import UnitState
from edge_hdr_device.install.watch import Page, is_ready, watch
from edge_hdr_device.settings import WebConfig

UP = UnitState(active="active", sub="running", pid=7, text="camera streaming", loaded=True)
DEAD = replace(UP, active="failed", sub="failed", pid=0, result="exit-code")


class Scripted:
    """Say one state after another, each from its time on."""

    def __init__(self, *states: tuple[float, UnitState]) -> None:
        self.states = states
        self.start_s = time.monotonic()

    def show(self) -> UnitState:
        passed_s = time.monotonic() - self.start_s
        return [state for from_s, state in self.states if passed_s >= from_s][-1]


class Served:
    """A page that answers with what it is told to."""

    def __init__(self) -> None:
        self.codes = {"/healthz": 200, "/readyz": 200}
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(served.codes[self.path])
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.page = Page("127.0.0.1", self.server.server_port)


@pytest.fixture
def served() -> Iterator[Served]:
    found = Served()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.05,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def test_a_good_service_takes_little_more_than_its_window(served: Served) -> None:
    start_s = time.monotonic()
    seen = watch(Scripted((0, UP)), served.page, window_s=1, frames_needed=True)
    assert 1 <= time.monotonic() - start_s < 1.5
    assert (seen.ready, seen.warning, seen.pid) == (True, "", 7)


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (DEAD, r"ended 0\.\d s after its start: failed \(exit-code\)"),
        (replace(UP, pid=8, restarts=1), r"ended 0\.\d s after its start and was started again"),
        (replace(UP, active="activating", sub="auto-restart", result="watchdog"), "watchdog"),
    ],
)
def test_one_that_ends_within_the_window_fails_at_once(later: UnitState, said: str) -> None:
    start_s = time.monotonic()
    with pytest.raises(DeviceStepError, match=said):
        watch(Scripted((0, UP), (0.3, later)), None, window_s=10, frames_needed=False)
    assert time.monotonic() - start_s < 1


def test_why_it_ended_is_waited_for() -> None:
    ending = replace(UP, active="deactivating", sub="stop-sigterm")
    with pytest.raises(DeviceStepError, match=r"failed \(exit-code\)"):
        watch(Scripted((0, UP), (0.1, ending), (0.5, DEAD)), None, window_s=5, frames_needed=False)


def test_one_that_never_ran_fails() -> None:
    with pytest.raises(DeviceStepError, match="does not run"):
        watch(Scripted((0, DEAD)), None, window_s=1, frames_needed=False)


def test_frames_are_asked_for_only_where_there_were_some(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PATIENCE_S", 0.6)
    served.codes["/readyz"] = 503
    away = Scripted((0, replace(UP, text="camera waiting: no camera")))
    seen = watch(away, served.page, window_s=0.2, frames_needed=False)
    assert (seen.ready, seen.warning) == (False, "no frames yet: camera waiting: no camera")
    notes: list[str] = []
    with pytest.raises(DeviceStepError, match=r"no frames, which it had before.*no camera"):
        watch(away, served.page, window_s=0.2, frames_needed=True, note=notes.append)
    assert len(notes) == 1


def test_frames_may_come_after_a_short_window(served: Served) -> None:
    served.codes["/readyz"] = 503
    threading.Timer(0.6, served.codes.update, [{"/readyz": 200}]).start()
    assert watch(Scripted((0, UP)), served.page, window_s=0.1, frames_needed=True).ready


def test_a_page_that_does_not_answer_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE_S", 0.3)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        page = Page("127.0.0.1", closed.getsockname()[1])
        with pytest.raises(DeviceStepError, match="did not answer"):
            watch(Scripted((0, UP)), page, window_s=0.1, frames_needed=False)


def test_a_frame_loop_that_hangs_fails(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE_S", 0.3)
    served.codes["/healthz"] = 503
    with pytest.raises(DeviceStepError, match="did not say that it lives"):
        watch(Scripted((0, UP)), served.page, window_s=0.1, frames_needed=False)


def test_without_a_page_the_service_says_itself_whether_frames_come() -> None:
    assert is_ready(UP, None)
    assert not is_ready(replace(UP, text="camera opening"), None)


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("", Page("127.0.0.1", 8630)),
        ('[web]\nhost = "0.0.0.0"\nport = 80', Page("127.0.0.1", 80)),
        ('[web]\nhost = "::"\ncert = "c"', Page("::1", 8630, True)),
        ('[web]\nhost = "10.0.0.7"', Page("10.0.0.7", 8630)),
        ("[web]\nenabled = false", None),
        ("[web]\nport = 0", None),
        ("[web]\nbad = 0", None),
    ],
)
def test_the_page_is_found_in_the_settings(tmp_path: Path, text: str, page: Page | None) -> None:
    file = tmp_path / "device.toml"
    file.write_text(text)
    assert Page.of(file) == page


def test_an_address_of_ipv6_is_shown_in_brackets() -> None:
    assert Page.of_settings(WebConfig(host="[::]", cert="c")) == Page("::1", 8630, True)
    assert Page("::1", 80, True).url == "https://[::1]:80/"


def test_what_systemd_prints_is_read() -> None:
    printed = {"ActiveState": "failed", "MainPID": "0", "NRestarts": "2", "Result": "watchdog"}
    state = UnitState.of(printed)
    assert not state.runs and not state.loaded
    assert (state.restarts, state.in_words) == (2, "failed (watchdog)")
    assert UnitState.of({}).in_words == "inactive"
