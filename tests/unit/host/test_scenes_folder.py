"""A folder of scenes: what is written, what is read back, and what an interruption leaves."""

from __future__ import annotations

import errno
import json
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from edge_hdr.cli.data import app
from edge_hdr.cli.recognize import _sources
from edge_hdr.data.dataset import Split
from edge_hdr.errors import DataError, StorageError, UsageError
from edge_hdr.photos.labels import load_truths
from edge_hdr.scenes import folder as folder_module
from edge_hdr.scenes.drawn import clear, drawn
from edge_hdr.scenes.factors import FACTORS
from edge_hdr.scenes.folder import SEEDS, Wish, digits_of, scene_seed, write_scenes
from edge_hdr_device.images import read_image
from edge_hdr_device.storage import storage_error

NONE = Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def few(tmp_path: Path, *more: str) -> Result:
    out = str(tmp_path / "scenes")
    return run("scenes", "--n", "3", "--data", "strokes", "--size", "160x120", "--out", out, *more)


def classes(tmp_path: Path, names: str) -> Path:
    """Make a folder of six pictures a class."""
    for name in names:
        (tmp_path / "digits" / name).mkdir(parents=True)
        for number in range(6):
            image = np.full((50, 40), 255, np.uint8)
            cv2.putText(image, name, (4, 42), cv2.FONT_HERSHEY_SIMPLEX, 0.7 + 0.1 * number, 0, 2)
            cv2.imwrite(str(tmp_path / "digits" / name / f"{number}.png"), image)
    return tmp_path / "digits"


def test_what_is_written_is_what_evaluate_reads(tmp_path: Path) -> None:
    entries = write_scenes(tmp_path, NONE, Wish(4, "hard", {}, width_px=200))
    truths = load_truths(tmp_path)
    assert [truth.text for truth in truths] == [entry["digits"] for entry in entries]
    for truth, entry in zip(truths, entries, strict=True):
        boxes = [
            tuple(box[side] for side in ("x", "y", "width", "height")) for box in entry["boxes"]
        ]
        assert list(truth.boxes) == boxes
        assert "".join(box["label"] for box in entry["boxes"]) == truth.digits
        assert read_image(tmp_path / truth.file).shape[:2] == (150, 200)
        assert set(entry["factors"]) <= set(FACTORS)
        assert entry["severity"] == "hard"
    sheet = read_image(tmp_path / "gallery.png")
    assert sheet.shape[:2] == (270 + 22, 4 * 360)  # a row of four tiles and their names


def test_old_scenes_make_way_and_nothing_else_does(tmp_path: Path) -> None:
    write_scenes(tmp_path, NONE, Wish(3, "clean", {}, width_px=160))
    (tmp_path / "mine.png").write_bytes(b"mine")
    write_scenes(tmp_path, NONE, Wish(1, "clean", {}, seed=1, width_px=160))
    assert len(drawn(tmp_path)) == 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*drawn(tmp_path), "mine.png", "gallery.png", "labels.json"}


@pytest.mark.parametrize("change", [{"file": "../0000.png"}, {"file": "mine.png"}, {"seed": None}])
def test_labels_of_others_are_no_scenes(tmp_path: Path, change: dict[str, Any]) -> None:
    (entry,) = write_scenes(tmp_path, NONE, Wish(1, "clean", {}, width_px=160))
    mine = {key: value for key, value in (entry | change).items() if value is not None}
    (tmp_path / "labels.json").write_text(json.dumps([entry, mine]))
    assert drawn(tmp_path) == []
    clear(tmp_path)
    assert (tmp_path / entry["file"]).exists()


def test_recognize_passes_the_contact_sheet_over(tmp_path: Path) -> None:
    write_scenes(tmp_path, NONE, Wish(2, "clean", {}, width_px=160))
    scenes = [tmp_path / name for name in drawn(tmp_path)]
    assert [source.path for source in _sources([str(tmp_path)])] == scenes
    (tmp_path / "labels.json").unlink()
    assert [source.path for source in _sources([str(tmp_path)])][-1] == tmp_path / "gallery.png"


def test_what_ends_early_says_how_many_scenes_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = folder_module.draw_scene

    def broken(fault: BaseException) -> Result:
        drawings = count()

        def draw(*given: Any, **named: Any) -> Any:
            if next(drawings) == 2:
                raise fault
            return real(*given, **named)

        monkeypatch.setattr(folder_module, "draw_scene", draw)
        return few(tmp_path, "--force")

    told = f"2 of 3 scenes are in {tmp_path / 'scenes'}"
    interrupted = broken(KeyboardInterrupt())
    assert interrupted.exit_code == 130
    assert f"{told}; the same command with --force draws all anew" in interrupted.stderr
    full = broken(storage_error(tmp_path, OSError(errno.ENOSPC, "No space left"))).exception
    assert isinstance(full, StorageError)
    assert "nothing was left" not in full.hint
    assert full.hint == (
        f"free some space or name another folder; {told}, and --force draws all anew"
    )


def test_the_same_wish_writes_the_same_bytes(tmp_path: Path) -> None:
    wish = Wish(2, "moderate", {}, seed=4, width_px=160)
    for name in ("a", "b"):
        write_scenes(tmp_path / name, NONE, wish)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(names) == 2 + 2  # pictures, labels and gallery
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_interruption_leaves_a_folder_that_can_be_used(tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path, NONE, Wish(9, "mild", {}, width_px=160), progress=stop)
    assert len(load_truths(tmp_path)) == 2
    assert (tmp_path / "gallery.png").exists()
    assert len(list(tmp_path.glob("0*"))) == 2


def test_no_two_parts_or_seeds_share_a_scene() -> None:
    seeds = {
        scene_seed(Wish(SEEDS, "hard", {}, seed=seed, part=part), number)
        for seed in (0, 1, 2)
        for part in ("train", "validation", "test")
        for number in (0, 1, SEEDS - 1)
    }
    assert len(seeds) == 3 * 3 * 3
    with pytest.raises(UsageError, match="too many"):
        write_scenes(Path("nowhere"), NONE, Wish(SEEDS + 1, "hard", {}))


def test_digits_of_a_folder_keep_what_they_are(tmp_path: Path) -> None:
    folder = str(classes(tmp_path, "37"))
    parts = [digits_of(folder, part) for part in ("train", "validation", "test")]
    for part in parts:
        assert set(part.labels.tolist()) == {3, 7}
    assert not {image.tobytes() for image in parts[0].images} & {
        image.tobytes() for image in parts[1].images
    }
    assert len(digits_of("strokes", "train")) == 0
    with pytest.raises(UsageError, match="no part 'all'"):
        digits_of(folder, "all")


def test_classes_that_are_no_digits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="class 'A'"):
        digits_of(str(classes(tmp_path, "3A")), "train")


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    result = few(tmp_path, "--factor", "shadow=0.5", "--severity", "clean", "--json")
    content: dict[str, Any] = json.loads(result.stdout)
    assert content["command"] == "data scenes"
    labels = json.loads(Path(content["data"]["labels"]).read_text())
    assert content["data"]["scenes"] == len(labels) == 3
    assert content["data"]["digits"] == sum(len(entry["boxes"]) for entry in labels)
    assert all(entry["factors"] == {"shadow": 0.5} for entry in labels)
    assert "3 scenes with" in few(tmp_path, "--force").stdout
    again = few(tmp_path)
    assert isinstance(again.exception, StorageError)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--factor", "shadow"), "--factor shadow is not NAME=LEVEL"),
        (("--factor", "sadow=1"), "there is no factor 'sadow'"),
        (("--size", "640"), "--size 640 is not WxH"),
        (("--size", "9x9000"), "--size 9x9000 is out of range"),
        (("--severity", "worst"), "there is no severity 'worst'"),
        (("--digits", "all"), "there is no part 'all'"),
    ],
)
def test_what_cannot_be_drawn_leaves_nothing_behind(
    tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    result = few(tmp_path, *more)
    assert isinstance(result.exception, UsageError)
    assert result.exception.message == message
    assert result.exception.hint
    assert not (tmp_path / "scenes").exists()


def test_the_factors_are_listed_with_what_they_mean() -> None:
    assert run("factors").stdout.count("\n") == len(FACTORS)
    listed = json.loads(run("factors", "--json").stdout)["data"]["factors"]
    assert {name: entry["level_1"] for name, entry in listed.items()} == FACTORS
    assert listed["struck"].keys() == {"level_1", "hard"}
