from __future__ import annotations

import socket

import pytest

from edge_hdr_device.camera.http_camera import HttpCamera
from edge_hdr_device.camera.stream import LOGIN_HINT, FfmpegStream, unreachable, without_secrets
from edge_hdr_device.errors import CameraError
from edge_hdr_device.system.journal import one_line

SECRET = "hunter2"  # in every address below


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://admin:hunter2@10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("rtsp://admin:hun@ter2:hunter2@cam:8554/a/b", "rtsp://cam:8554/a/b"),
        ("http://cam/video?user=x&pwd=hunter2", "http://cam/video?…"),
        ("https://u:hunter2@[fe80::1]:8443/", "https://[fe80::1]:8443/"),
    ],
)
def test_secrets_are_not_shown(address: str, shown: str) -> None:
    assert without_secrets(address) == shown
    assert FfmpegStream(address).description == shown
    assert HttpCamera(address).description == shown


def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@pytest.mark.parametrize("kind", [FfmpegStream, HttpCamera])
@pytest.mark.parametrize(
    ("host", "reason"), [("127.0.0.1:{port}", "refused"), ("nowhere.invalid:1", "")]
)
def test_a_host_that_does_not_answer_is_told_without_secrets(
    kind: type[FfmpegStream | HttpCamera], host: str, reason: str
) -> None:
    where = host.format(port=closed_port())
    scheme = "rtsp" if kind is FfmpegStream else "http"
    with pytest.raises(CameraError, match=f"does not answer: .*{reason}") as caught:
        kind(f"{scheme}://u:{SECRET}@{where}/live").open()
    assert where in caught.value.message
    assert SECRET not in caught.value.message + caught.value.hint


def test_the_hint_fits_what_is_wrong_and_ping_gets_no_port() -> None:
    address = "http://u:p@10.0.0.7:8080/video"
    away = unreachable(address, OSError(113, "No route to host"))
    assert away.hint.endswith("ping 10.0.0.7")
    refused = unreachable(address, ConnectionRefusedError(111, "Connection refused"))
    assert "ping" not in refused.hint  # which would be answered
    assert "port" in refused.hint


def test_the_log_leaves_the_hint_about_passwords_as_it_is() -> None:
    line = f"http://10.0.0.7/ wants another user name or password (401): {LOGIN_HINT}"
    assert one_line(line) == line
    assert "USER:PASSWORD@HOST" in line


def test_a_port_that_is_no_number_is_no_crash() -> None:
    with pytest.raises(CameraError, match="does not answer"):
        FfmpegStream("rtsp://127.0.0.1:many/live").open()


def test_a_stream_that_is_not_open_gives_nothing() -> None:
    stream = FfmpegStream("rtsp://127.0.0.1/live")
    with pytest.raises(CameraError, match="sends nothing"):
        stream.read()
    stream.close()
