"""`edge-hdr explain`, from the command line to the files it writes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edge_hdr.cli.app import main

DATA = Path(__file__).parents[1] / "data"
INT8, FLOAT = DATA / "tiny-int8.tflite", DATA / "tiny-float.tflite"


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """Cut the first digits out of the sample sheet."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    cv2.imwrite(str(path), cv2.imread(str(DATA / "sample.jpg"))[20:190, 20:370])
    return path


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Run the command in an empty folder without MNIST; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    monkeypatch.delenv("EDGE_HDR_DATA", raising=False)

    def call(*arguments, model=INT8):
        words = ["edge-hdr", "explain", *arguments, "--model", model]
        monkeypatch.setattr(sys, "argv", [str(word) for word in words])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_one_digit_is_told_in_sentences_and_saved(run, photo, digit_folder):
    code, out, err = run(photo, "--digit", 2, "--data", digit_folder)
    assert code == 0
    assert "note: " not in err
    lines = out.splitlines()
    assert lines[0].startswith("Read as ")
    assert lines[1].startswith("The runner-up is ")
    assert "nearest training examples" in lines[3]
    assert lines[-2:] == [
        f"written: photo-explained/explanation.{kind}" for kind in ("html", "png")
    ]
    page = Path("photo-explained/explanation.html").read_text()
    assert 'id="digit-2"' in page
    assert 'id="digit-1"' not in page
    assert cv2.imread("photo-explained/explanation.png") is not None


def test_all_digits_are_told_in_rows_and_nothing_is_overwritten(run, photo):
    code, out, err = run(photo, "--out", "page.html")
    assert code == 0
    assert "note: no similar training examples: MNIST is not in the cache" in err
    assert "least change" in out
    before = Path("page.html").read_bytes()
    code, out, err = run(photo, "--out", "page.html")
    assert (code, out) == (3, "")
    assert "page.html exists" in err
    assert "--force" in err
    assert run(photo, "--out", "page.html", "--digit", 1, "--force")[0] == 0
    assert Path("page.html").read_bytes() != before
    assert sorted(path.name for path in Path().iterdir()) == ["page.html"]


def test_a_folder_may_have_a_dot(run, photo):
    Path("why.d").mkdir()
    for out in ("why.d", "v1.2"):
        assert run(photo, "--out", out, "--digit", 1, "--data", "none")[0] == 0
        assert sorted(path.name for path in Path(out).iterdir()) == [
            "explanation.html", "explanation.png"
        ]  # fmt: skip


def test_json_agrees_with_recognize(run, photo, monkeypatch, capfd):
    code, out, err = run(photo, "--json", "--data", "none", "--out", "sheet.png")
    assert (code, err, out.count("\n")) == (0, "", 1)
    found = json.loads(out)
    assert (found["command"], found["ok"]) == ("explain", True)
    assert found["data"]["files"] == ["sheet.png"]
    assert found["data"]["data"] is None
    monkeypatch.setattr(
        sys, "argv", ["edge-hdr", "recognize", str(photo), "--json", "--model", str(INT8)]
    )
    with pytest.raises(SystemExit):
        main()
    (image,) = json.loads(capfd.readouterr().out)["data"]["images"]
    assert found["data"]["lines"] == image["lines"]
    for ours, theirs in zip(found["data"]["digits"], image["digits"], strict=True):
        assert ours["confidence"] == pytest.approx(theirs["confidence"], abs=1e-4)
        assert {key: ours[key] for key in ("label", "box", "accepted", "line")} == {
            key: theirs[key] for key in ("label", "box", "accepted", "line")
        }


def test_a_model_without_a_manifest_is_explained_and_told(run, photo):
    code, _, err = run(photo, "--data", "none", "--digit", 1, model=FLOAT)
    assert code == 0
    assert err.startswith("note: the model has no manifest: its outputs are named by number")


def test_a_folder_without_checkpoints_has_no_gradients(run, photo, tmp_path):
    build = tmp_path / "build"
    build.mkdir()
    (build / "model.tflite").write_bytes(INT8.read_bytes())
    code, _, err = run(photo, "--data", "none", "--digit", 1, model=build)
    assert code == 0
    assert err.startswith("note: no integrated gradients: ")
    assert err.count("\n") == 1


def test_the_picture_may_come_on_stdin(run, photo, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(photo.read_bytes())))
    code, out, _ = run("-", "--data", "none", "--digit", 3)
    assert code == 0
    assert "written: stdin-explained/explanation.html" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--digit", "40"), 2, "--digit 40: PHOTO has "),
        (("--digit", "0"), 2, "--digit"),
        (("--data", "mnits"), 3, "--data mnits"),
        (("--input-range", "1,1"), 2, "is not LOW,HIGH"),
        (("--model", "nothing"), 3, "no model 'nothing'"),
        (("--out", "taken"), 3, "taken is a file"),
        (("--out", "folder.html"), 3, "folder.html is a folder"),
        (("--out", "one.pdf"), 2, "--out one.pdf: .pdf is not written"),
    ],
)
def test_wrong_arguments_are_one_clear_line(run, photo, tmp_path, arguments, code, message):
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "folder.html").mkdir()
    model = INT8 if "--model" not in arguments else arguments[1]
    rest = arguments if "--model" not in arguments else ()
    found, out, err = run(photo, *rest, model=model)
    assert (found, out) == (code, "")
    assert message.replace("PHOTO", str(photo)) in err
    assert "hint: " in err
    assert not (tmp_path / "photo-explained").exists()


def test_pictures_that_cannot_be_explained(run, tmp_path):
    blank, broken = tmp_path / "blank.png", tmp_path / "broken.png"
    cv2.imwrite(str(blank), np.full((200, 300), 210, np.uint8))
    broken.write_bytes(blank.read_bytes()[:40])
    for path, message in ((blank, "no digits found"), (broken, "truncated"),
                          (tmp_path / "missing.png", "no such image")):  # fmt: skip
        code, out, err = run(path)
        assert (code, out) == (3, "")
        assert message in err
