"""RTSP as network cameras speak it, from a real server on this machine."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator

import cv2
import pytest
from rtsp_server import PASSWORD, USER, RtspCamera, missing

from edge_hdr_device.camera.capture import Capture
from edge_hdr_device.camera.stream import FfmpegStream
from edge_hdr_device.errors import CameraError
from edge_hdr_device.settings import CameraConfig

LIMIT_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def server_or_skip() -> None:
    reason = missing()
    if not reason and cv2.CAP_FFMPEG not in cv2.videoio_registry.getBackends():
        reason = "this OpenCV has no FFmpeg"
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def camera() -> Iterator[RtspCamera]:
    with RtspCamera() as camera:
        yield camera


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.02)


def test_frames_come_over_tcp(camera: RtspCamera) -> None:
    with FfmpegStream(camera.url()) as stream:
        shapes = {stream.read().image.shape for _ in range(10)}
    assert shapes == {(240, 320, 3)}


def test_a_wrong_path_is_told_apart_from_a_camera_that_is_away(camera: RtspCamera) -> None:
    with pytest.raises(CameraError, match="answers, but gives no stream"):
        FfmpegStream(f"{camera.url()}/not").open()


def test_a_password_opens_the_stream_and_stays_secret(capfd: pytest.CaptureFixture[str]) -> None:
    with RtspCamera(locked=True) as camera:
        with FfmpegStream(camera.url(f"{USER}:{PASSWORD}")) as stream:
            assert stream.read().image.shape == (240, 320, 3)
            assert PASSWORD not in stream.description
        with pytest.raises(CameraError, match="gives no stream") as caught:
            FfmpegStream(camera.url(f"{USER}:wrong-{PASSWORD}")).open()
    assert PASSWORD not in caught.value.message
    assert PASSWORD not in "".join(capfd.readouterr())


def test_a_camera_that_falls_silent_is_given_up_in_time() -> None:
    with RtspCamera() as camera, FfmpegStream(camera.url(), wait_s=0.5) as stream:
        stream.read()
        camera.freeze()
        before_s = time.monotonic()
        with pytest.raises(CameraError, match="sends nothing"):
            while True:  # what is on its way still comes
                stream.read()
        assert time.monotonic() - before_s < LIMIT_S / 2


def test_a_camera_that_goes_and_comes_back_streams_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with RtspCamera() as camera:
        config = CameraConfig(source=camera.url(), stall_s=2.0)
        with Capture(config, first_wait_s=0.1, longest_wait_s=0.3) as capture:
            assert capture.next(LIMIT_S) is not None
            camera.cut()
            wait_for(lambda: capture.status.state == "waiting")
            wait_for(lambda: "does not answer" in capture.status.error)
            camera.come_back()
            wait_for(lambda: capture.status.reconnects == 1)
            assert capture.next(LIMIT_S) is not None
            before_s = time.monotonic()
        assert time.monotonic() - before_s < 5
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert [text.partition(":")[0].partition(" after")[0] for text in said] == [
        "camera",
        "camera is away",
        "camera is back",
    ]
