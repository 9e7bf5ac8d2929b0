"""From the words of the settings to a source: auto, csi:1, /dev/video0, rtsp://…, a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from edge_hdr_device.camera.auto import (
    SearchedCamera,
    csi_camera,
    find_any,
    find_usb,
    v4l2_camera,
)
from edge_hdr_device.camera.files import Folder, Still
from edge_hdr_device.camera.http_camera import HttpCamera
from edge_hdr_device.camera.pace import patience_s
from edge_hdr_device.camera.picamera import parse_focus
from edge_hdr_device.camera.source import Source
from edge_hdr_device.camera.stream import FfmpegStream, without_secrets
from edge_hdr_device.camera.synthetic import Synthetic
from edge_hdr_device.camera.video import VideoFile
from edge_hdr_device.errors import ConfigError, nearest
from edge_hdr_device.images import SUFFIXES
from edge_hdr_device.settings import CameraConfig

WORDS = ("auto", "csi", "usb", "synthetic")
SCHEMES = ("rtsp", "rtsps", "http", "https")

PATH_HINT = "check the path: it is one of the board itself, where the reader runs"

Maker = Callable[[], Source]


def make_source(config: CameraConfig) -> Source:
    """Make the source that the settings name; it is opened as a context manager or by `open`.

    Raises:
        ConfigError: see `parse`.
    """
    return parse(config)()


def parse(config: CameraConfig) -> Maker:
    """Understand the settings of a camera; nothing is opened.

    Args:
        config: its `source` is auto, csi[:N], usb[:N], /dev/videoN, N, an rtsp:// or http(s)://
            address, a video file, a picture, a folder of pictures, or synthetic[:SEED].

    Returns:
        Makes a new source at each call, as one that has failed is not used again.

    Raises:
        ConfigError: the source is none of these or does not exist, or the focus is unknown.
    """
    parse_focus(config.focus)
    text = config.source.strip()
    word, colon, number = text.partition(":")
    if word in WORDS and (number.isdigit() or not colon):
        return _named(word, int(number or 0), config)
    if "://" in text:
        return _address(text, config)
    if text.isdigit():
        text = f"/dev/video{text}"
    if text.startswith("/dev/"):
        return lambda: v4l2_camera(text, config)
    return _file(text, config)


def _named(word: str, number: int, config: CameraConfig) -> Maker:
    if word == "csi":
        return lambda: csi_camera(number, config)
    if word == "usb":
        return lambda: SearchedCamera(f"usb:{number}", lambda: find_usb(number, config))
    if word == "auto":
        return lambda: SearchedCamera("auto", lambda: find_any(config))
    return lambda: Synthetic(
        number, width=config.width, height=config.height, fps=config.fps, fast=config.fast
    )


def _address(text: str, config: CameraConfig) -> Maker:
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ConfigError(
            f"{without_secrets(text)} is no address of a camera",
            hint=f"it begins with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}",
        )
    if parts.scheme.startswith("rtsp"):
        return lambda: FfmpegStream(text, wait_s=patience_s(config))
    return lambda: HttpCamera(text, fps=config.fps, wait_s=patience_s(config))


def _file(text: str, config: CameraConfig) -> Maker:
    path, is_folder, is_file = _look(text)
    if text and is_folder:
        return lambda: Folder(path, fps=config.fps, loop=config.loop)
    if is_file and path.suffix.lower() in SUFFIXES:
        return lambda: Still(path, fps=config.fps, loop=config.loop)
    if is_file:
        return lambda: VideoFile(path, loop=config.loop, fast=config.fast)
    if "/" in text or path.suffix:
        raise ConfigError(f"camera.source: there is no file or folder {text!r}", hint=PATH_HINT)
    raise ConfigError(
        f"{text!r} is no camera",
        hint=f"{nearest(text.partition(':')[0], WORDS)}; or a device, an address, a file or folder",
    )


def _look(text: str) -> tuple[Path, bool, bool]:
    """Give the path, and whether it is a folder or a file."""
    try:
        path = Path(text).expanduser()
        return path, path.is_dir(), path.is_file()
    except (OSError, RuntimeError) as error:  # closed to this user; or the home of nobody
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"camera.source: cannot look at {text!r}: {reason}", hint=PATH_HINT
        ) from error
