from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr_device.camera.capture import Capture
from edge_hdr_device.camera.files import Folder, Still
from edge_hdr_device.errors import CameraError, ImageError
from edge_hdr_device.settings import CameraConfig

LIMIT_S = 20.0


def write(path: Path, level: int) -> Path:
    cv2.imwrite(str(path), np.full((20, 30), level, np.uint8))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "b.png", 2)
    write(tmp_path / "a.png", 1)
    whole = write(tmp_path / "c.jpg", 3).read_bytes()
    (tmp_path / "c.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("no picture")
    write(tmp_path / "d.PNG", 4)
    return tmp_path


def test_a_folder_is_read_in_the_order_of_names_and_a_broken_picture_told(folder: Path) -> None:
    with Folder(folder) as source:
        assert not source.live
        assert source.unrelated
        names, levels = [], []
        for _ in range(2):
            picture = source.read()
            assert picture is not None
            names.append(picture.name)
            levels.append(int(picture.image[0, 0]))
        with pytest.raises(ImageError, match=r"c\.jpg is truncated"):
            source.read()
        last = source.read()
        assert last is not None
        assert [*names, last.name] == ["a.png", "b.png", "d.PNG"]
        assert levels == [1, 2]
        assert source.read() is None


def test_a_capture_passes_over_the_broken_picture_and_loses_none(folder: Path) -> None:
    with Capture(CameraConfig(source=str(folder))) as capture:
        frames = list(iter(lambda: capture.next(LIMIT_S), None))
        status = capture.status
    assert [frame.picture.name for frame in frames] == ["a.png", "b.png", "d.PNG"]
    assert (status.frames, status.dropped, status.corrupt) == (3, 0, 1)


def test_a_folder_that_loops_sees_what_was_added(folder: Path) -> None:
    (folder / "c.jpg").unlink()
    with Folder(folder, loop=True) as source:
        first = [source.read() for _ in range(3)]
        write(folder / "e.png", 5)
        second = [source.read() for _ in range(4)]
    names = [picture.name for picture in first + second if picture]
    assert names == ["a.png", "b.png", "d.PNG", "a.png", "b.png", "d.PNG", "e.png"]


def test_a_folder_of_broken_pictures_does_not_loop_for_ever(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    with Folder(tmp_path, loop=True) as source:
        with pytest.raises(ImageError):
            source.read()
        with pytest.raises(CameraError, match="not one picture"):
            source.read()


@pytest.mark.parametrize(("name", "words"), [("", "no picture in"), ("none", "cannot list")])
def test_a_folder_without_pictures_is_told(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        Folder(tmp_path / name).open()


def test_a_picture_is_given_once(tmp_path: Path) -> None:
    with Still(write(tmp_path / "x.png", 9)) as source:
        assert not source.live
        assert source.unrelated
        picture = source.read()
        assert picture is not None
        assert (picture.name, int(picture.image[0, 0])) == ("x.png", 9)
        assert source.read() is None


def test_a_picture_that_loops_is_given_again_and_again(tmp_path: Path) -> None:
    with Still(write(tmp_path / "x.png", 9), fps=1000, loop=True) as source:
        assert source.live
        assert not source.unrelated
        assert all(source.read() for _ in range(5))


def test_a_missing_picture_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such image"):
        Still(tmp_path / "x.png").open()
