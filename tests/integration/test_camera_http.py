"""Network cameras over HTTP: a real server of this machine that sends, breaks, refuses, waits."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from mjpeg_server import MjpegCamera, jpeg

from edge_hdr_device.camera.capture import Capture
from edge_hdr_device.camera.http_camera import HttpCamera
from edge_hdr_device.camera.source import Frame
from edge_hdr_device.errors import CameraError, ImageError
from edge_hdr_device.settings import CameraConfig
from edge_hdr_device.system.journal import one_line

LIMIT_S = 30.0
USER = "me:s%40cret"


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.005)


@pytest.mark.parametrize("lengths", [True, False])
def test_a_stream_is_read_in_order(lengths: bool) -> None:
    with MjpegCamera(lengths=lengths) as camera, HttpCamera(camera.url("/stream")) as source:
        levels = [int(source.read().image.mean()) for _ in range(10)]
    assert levels == sorted(levels)
    assert len(set(levels)) >= 9


def test_a_corrupt_picture_is_passed_over_and_the_stream_goes_on() -> None:
    with MjpegCamera() as camera:
        camera.make = lambda number: b"\xff\xd8 no picture" if number % 2 else jpeg(number)
        with HttpCamera(camera.url("/stream")) as source:
            with pytest.raises(ImageError, match="a picture from http://127"):
                source.read()
            assert source.read().image.shape == (64, 64)
        assert camera.visits == 1


def test_a_stream_that_is_faster_than_we_are_is_passed_over_undecoded() -> None:
    with MjpegCamera(fps=0) as camera, HttpCamera(camera.url("/stream")) as source:
        source.read()
        sent = camera.sent
        wait_for(lambda: camera.sent > sent + 20)  # what lies in the buffers meanwhile is old
        source.read()
        assert source.skipped > 10


def test_at_a_rate_of_our_own_pictures_are_not_decoded_in_between() -> None:
    with MjpegCamera(fps=100) as camera, HttpCamera(camera.url("/stream"), fps=10) as source:
        begin_s = time.monotonic()
        for _ in range(4):
            source.read()
        assert time.monotonic() - begin_s >= 3 * 0.09
        assert source.skipped == 0  # nothing was lost that was wanted


def test_a_camera_of_single_pictures_is_asked_again_and_again() -> None:
    with MjpegCamera() as camera, HttpCamera(camera.url("/picture"), fps=50) as source:
        levels = [int(source.read().image.mean()) for _ in range(4)]
        assert all(a < b for a, b in pairwise(levels))
        assert camera.visits == 1 + 4


@pytest.mark.parametrize("auth", ["basic", "digest"])
@pytest.mark.parametrize("path", ["/stream", "/picture"])
def test_a_password_is_sent_as_the_camera_wants_it(auth: str, path: str) -> None:
    with MjpegCamera(auth=auth) as camera, HttpCamera(camera.url(path, USER)) as source:
        assert source.read().image.shape == (64, 64)


def test_a_password_that_digest_cannot_carry_is_told() -> None:
    with MjpegCamera(auth="digest") as camera, pytest.raises(CameraError, match="outside ASCII"):
        HttpCamera(camera.url("/stream", "me:cr%C3%A9t")).open()


@pytest.mark.parametrize("auth", ["basic", "digest"])
@pytest.mark.parametrize("user", ["", "me:wrong"])
def test_a_wrong_password_is_told_and_not_shown(auth: str, user: str) -> None:
    with MjpegCamera(auth=auth) as camera:
        source = HttpCamera(camera.url("/stream", user))
        with pytest.raises(CameraError, match="wants another user name or password") as caught:
            source.open()
        assert "wrong" not in caught.value.message
        assert "USER:PASSWORD@HOST" in one_line(caught.value.hint)
        source.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        reason = "openssl is not installed: apt install openssl"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    path = tmp_path / "camera.pem"
    subject = ["-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(
        [openssl, "req", "-x509", "-days", "2", *made, *subject], check=True, capture_output=True
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def test_an_encrypted_camera_must_show_a_certificate_that_is_known(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MjpegCamera(certificate=certificate) as camera:
        with pytest.raises(CameraError, match=r"nobody vouches for: self.signed") as caught:
            HttpCamera(camera.url("/stream")).open()
        assert "update-ca-certificates" in caught.value.hint
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with HttpCamera(camera.url("/stream")) as source:
            assert [source.read().image.shape for _ in range(3)] == [(64, 64)] * 3


@pytest.mark.parametrize(
    ("path", "words"), [("/page", "text/html, which is no picture"), ("/nothing", "answers 404")]
)
def test_what_is_no_camera_is_told(path: str, words: str) -> None:
    with MjpegCamera() as camera, pytest.raises(CameraError, match=words):
        HttpCamera(camera.url(path)).open()


def test_a_silent_camera_is_given_up_in_time() -> None:
    with (
        MjpegCamera() as camera,
        HttpCamera(camera.url("/silent"), wait_s=0.2) as source,
        pytest.raises(CameraError, match=r"sends nothing for 0\.2 s"),
    ):
        source.read()


def test_a_capture_of_a_silent_camera_names_the_time_that_was_set() -> None:
    with (
        MjpegCamera() as camera,
        Capture(CameraConfig(source=camera.url("/silent"), stall_s=0.5)) as capture,
    ):
        wait_for(lambda: capture.status.state == "waiting")
        assert capture.status.error.endswith("sends nothing for 0.5 s")


def test_closing_ends_a_read_in_another_thread() -> None:
    caught: list[Exception] = []

    def read() -> None:
        try:
            source.read()
        except CameraError as error:
            caught.append(error)

    with MjpegCamera() as camera:
        source = HttpCamera(camera.url("/silent"), wait_s=LIMIT_S)
        source.open()
        reading = threading.Thread(target=read)
        reading.start()
        time.sleep(0.1)
        source.close()
        reading.join(LIMIT_S / 2)
        assert not reading.is_alive()
        assert len(caught) == 1


def test_a_capture_of_a_silent_camera_stops_at_once() -> None:
    with MjpegCamera() as camera:
        capture = Capture(CameraConfig(source=camera.url("/silent"), stall_s=LIMIT_S))
        capture.start()
        wait_for(lambda: camera.visits)
        before_s = time.monotonic()
        capture.stop()
        assert time.monotonic() - before_s < 5


def test_a_camera_that_goes_and_comes_back_is_told_once_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with MjpegCamera() as camera, patient(camera) as capture:
        assert capture.next(LIMIT_S) is not None
        camera.cut()
        wait_for(lambda: capture.status.state == "waiting")
        wait_for(lambda: "refused" in capture.status.error)
        assert capture.next(0.05) is None
        camera.come_back()
        frame = capture.next(LIMIT_S)
        assert frame is not None
        assert capture.status.reconnects == 1
        assert capture.status.error == ""
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len(said) == 3
    assert all("s%40" not in text and "s@cr" not in text for text in said)


def patient(camera: MjpegCamera) -> Capture:
    config = CameraConfig(source=camera.url("/stream", USER), stall_s=2.0)
    return Capture(config, first_wait_s=0.02, longest_wait_s=0.1)


def test_twenty_cuts_lose_no_frame_that_is_not_counted() -> None:
    """A reader that is slower than the camera, a camera cut 20 times, every 7th picture damaged."""
    given: list[Frame] = []
    stopping = threading.Event()

    def read() -> None:
        while not stopping.is_set():
            if (frame := capture.next(0.05)) is not None:
                given.append(frame)
                time.sleep(0.015)

    with MjpegCamera(fps=150) as camera:
        camera.make = lambda number: b"\xff\xd8 damaged" if number % 7 == 0 else jpeg(number)
        capture = patient(camera)
        capture.start()
        reader = threading.Thread(target=read)
        reader.start()
        for cut in range(20):
            seen = len(given)
            wait_for(lambda seen=seen: len(given) > seen + 5)
            camera.cut()
            wait_for(lambda: capture.status.state == "waiting")
            camera.come_back()
            wait_for(lambda cut=cut: capture.status.reconnects == cut + 1)
        stopping.set()
        reader.join(LIMIT_S)
        capture.stop()
        status = capture.status
    assert status.frames == len(given) + status.dropped
    assert status.dropped > 0
    assert status.corrupt > 0
    assert status.reconnects == 20
    numbers = [frame.number for frame in given]
    assert all(a < b for a, b in pairwise(numbers))
    assert all(a.monotonic_s < b.monotonic_s for a, b in pairwise(given))
    cameras = [one for one in threading.enumerate() if one.name.startswith("camera")]
    assert cameras == []
