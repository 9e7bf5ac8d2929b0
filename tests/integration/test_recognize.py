"""The real `edge-hdr recognize` in a process of its own, on rendered pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_hdr.data.render import rasterize
from edge_hdr.data.strokes import sample_glyph
from edge_hdr_device import released

MODEL = Path(__file__).parents[1] / "data" / "tiny-int8.tflite"


def recognize(
    *arguments: str | Path, model: Path = MODEL, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("edge-hdr")
    command = [program, "recognize", *arguments, "--model", model]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def written(lines: list[str], seed: int = 5) -> NDArray[np.uint8]:
    """Write lines of digits on unevenly lit paper: uint8 (H, 640)."""
    rng = np.random.default_rng(seed)
    ink = np.zeros((120 * len(lines) + 40, 640), np.uint8)
    for row, line in enumerate(lines):
        for column, digit in enumerate(line):
            glyph = rasterize(sample_glyph(int(digit), rng), height_px=64)
            top, left = 40 + 120 * row, 40 + 95 * column
            ink[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
    light = np.linspace(230, 150, 640)[None, :]
    noisy = light * (1 - 0.8 * ink / 255) + rng.normal(0, 3, ink.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), written(["0123", "45678"]))
    return path


def document(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(result.stdout)
    assert parsed.keys() == {"schema", "command", "ok", "data", "error"}
    assert parsed["command"] == "recognize"
    return parsed


def test_released_model_reads_the_sample_sheet() -> None:
    sample = MODEL.parent / "sample.jpg"
    result = recognize(sample, model=released.find(None))
    assert result.returncode == 0, result.stderr
    assert result.stdout == sample.with_suffix(".txt").read_text()
    assert result.stderr == ""


def test_json_holds_boxes_and_stage_times(photo: Path) -> None:
    result = document(recognize(photo, "--json"))
    assert result["ok"] is True
    assert result["data"]["failed"] == []
    (image,) = result["data"]["images"]
    assert image["file"] == str(photo)
    assert [len(line) for line in image["lines"]] == [4, 5]
    assert len(image["digits"]) == 9
    lefts = [digit["box"][0] for digit in image["digits"]]
    assert lefts[:4] == sorted(lefts[:4])
    assert lefts[4:] == sorted(lefts[4:])
    assert image["locate_ms"] > 0


def test_stdin_reads_like_the_file(photo: Path) -> None:
    result = recognize("-", stdin=photo.read_bytes())
    assert result.returncode == 0
    assert result.stdout == recognize(photo).stdout


def test_a_folder_is_read_in_order_with_headers(photo: Path) -> None:
    cv2.imwrite(str(photo.with_name("a.png")), written(["7"]))
    photo.with_name("notes.txt").write_text("no picture")
    result = recognize(photo.parent)
    assert result.returncode == 0
    headers = [line for line in result.stdout.splitlines() if line.endswith(":")]
    assert headers == [f"{photo.with_name('a.png')}:", f"{photo}:"]


def test_unreadable_files_are_named_and_the_others_read(photo: Path) -> None:
    bad, missing = photo.with_name("bad.jpg"), photo.with_name("missing.jpg")
    bad.write_bytes(photo.read_bytes()[:300])
    result = recognize(bad, photo, missing)
    assert result.returncode == 3
    assert f"{photo}:" in result.stdout
    errors = result.stderr.splitlines()
    assert errors[0].startswith(f"error: {bad} is truncated")
    assert errors[1] == f"error: no such image: {missing}"
    assert errors[2] == "error: 2 of 3 images could not be read"


def test_unreadable_files_stand_in_the_json_document(photo: Path) -> None:
    bad = photo.with_name("bad.jpg")
    bad.touch()
    completed = recognize(bad, photo, "--json")
    result = document(completed)
    assert completed.returncode == result["error"]["exit_code"] == 3
    assert result["ok"] is False
    assert [failure["file"] for failure in result["data"]["failed"]] == [str(bad)]
    assert [image["file"] for image in result["data"]["images"]] == [str(photo)]


def test_a_single_unreadable_file_is_a_plain_error(tmp_path: Path) -> None:
    result = recognize(tmp_path / "nothing.png")
    assert result.returncode == 3
    assert result.stdout == ""
    assert result.stderr.splitlines()[0] == f"error: no such image: {tmp_path / 'nothing.png'}"
    assert result.stderr.splitlines()[1].startswith("hint: ")


def test_no_digits_are_no_error(tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    cv2.imwrite(str(blank), np.full((200, 300), 210, np.uint8))
    result = recognize(blank)
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == f"{blank}: no digits found\n"


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    result = recognize(tmp_path)
    assert result.returncode == 3
    assert "no pictures in the folder" in result.stderr


def test_annotate_writes_a_picture_and_overwrites_only_with_force(photo: Path) -> None:
    out = photo.with_name("out.png")
    assert recognize(photo, "--annotate", out).returncode == 0
    first = out.read_bytes()
    assert cv2.imread(str(out)).shape == (280, 640, 3)
    refused = recognize(photo, "--annotate", out)
    assert refused.returncode == 3
    assert "add --force" in refused.stderr
    assert refused.stdout == ""
    assert recognize(photo, "--annotate", out, "--force").returncode == 0
    assert out.read_bytes() == first


def test_annotate_of_several_pictures_fills_a_folder(photo: Path) -> None:
    twin = photo.with_suffix(".jpg")
    cv2.imwrite(str(twin), written(["123"]))
    out = photo.parent / "out"
    assert recognize(photo, twin, "--annotate", out).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == ["photo-2.png", "photo.png"]


def test_annotate_wants_a_pictures_name(photo: Path) -> None:
    assert recognize(photo, "--annotate", photo.with_name("out")).returncode == 2


def test_a_file_that_is_no_model_is_an_error(photo: Path) -> None:
    result = recognize(photo, model=photo)
    assert result.returncode == 3
    assert "is no TFLite file" in result.stderr
