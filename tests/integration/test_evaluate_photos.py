"""`edge-hdr evaluate --photos`, from the command line to the files it writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import pytest

from edge_hdr.cli.app import main
from edge_hdr.data.sheet import write_sheet

DATA = Path(__file__).parents[1] / "data"
INT8, FLOAT = (DATA / f"{name}.tflite" for name in ("tiny-int8", "tiny-float"))
PAGES = {"one.png": ["31415"], "two.png": ["92", "65"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a folder of photos with its labels, boxes too."""
    made = tmp_path_factory.mktemp("photos")
    entries = []
    for seed, (name, lines) in enumerate(PAGES.items()):
        sheet = write_sheet(lines, seed=seed, width_px=480)
        cv2.imwrite(str(made / name), sheet.image)
        boxes = [dict(zip(("label", "x", "y", "width", "height"), box, strict=True))
                 for box in sheet.boxes]  # fmt: skip
        entry = {"file": name, "digits": "/".join(lines), "boxes": boxes, "source_repo": name}
        entries.append(entry)
    (made / "labels.json").write_text(json.dumps(entries))
    return made


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the command line; give exit code, stdout and stderr."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["edge-hdr", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_figures_as_json_and_for_people(run, folder):
    code, out, _ = run("evaluate", INT8, "--photos", folder, "--json")
    found = json.loads(out)
    assert (code, found["command"], found["ok"], out.count("\n")) == (0, "evaluate", True, 1)
    figures = found["data"]["all"]
    assert (figures["photos"], figures["digits"], figures["lines"]) == (2, 5 + 4, 1 + 2)
    faults = figures["missed"] + figures["invented"] + figures["confused"]
    assert figures["character_error_rate"] == round(faults / 9, 4) < 0.7
    assert figures["located_share"] == 1.0
    assert found["data"]["per_photo"][0]["digits"][0]["verdict"]
    code, out, err = run("evaluate", INT8, "--photos", folder)
    assert code == 0
    for text in ("tiny-int8 on", "Character error rate", "of 9 digits", "Whole photos"):
        assert text in out
    assert "warning: 9 digits are few" in err


def test_a_picture_without_an_entry_is_told(run, folder, tmp_path):
    one = json.loads((folder / "labels.json").read_text())[0]
    (tmp_path / "labels.json").write_text(json.dumps([one]))
    for name in PAGES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    words = "1 of 2 pictures has no entry in labels.json and was not read"
    code, out, _ = run("evaluate", INT8, "--photos", tmp_path, "--json")
    assert (code, json.loads(out)["data"]["warnings"][0]) == (0, words)
    assert f"warning: {words}" in run("evaluate", INT8, "--photos", tmp_path)[2]


def test_a_half_has_its_own_sources(run, folder):
    digits = []
    for half in (0, 1):
        code, out, _ = run("evaluate", FLOAT, "--photos", folder, "--half", half, "--json")
        assert code == 0
        digits.append(json.loads(out)["data"]["all"]["digits"])
    assert sorted(digits) == [4, 5]


def test_out_holds_page_and_metrics_and_is_not_overwritten(run, folder, tmp_path):
    out = tmp_path / "report"
    arguments = ("evaluate", INT8, "--photos", folder, "--out", out)
    assert run(*arguments)[0] == 0
    assert {path.name for path in out.iterdir()} == {"photos.html", "metrics.json"}
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["kind"] == "photos"
    page = (out / "photos.html").read_text()
    assert all(name in page for name in PAGES)
    code, _, err = run(*arguments)
    assert (code, "--force" in err) == (3, True)
    assert run(*arguments, "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--photos", "x", "--data", "mnist"), "--data means nothing with --photos"),
        (("--photos", "x", "--split", "all"), "--split means nothing with --photos"),
        (("--photos", "x", "--reference", "y"), "--reference means nothing with --photos"),
        (("--photos", "x", "--sheet", "y"), "--sheet means nothing with --photos"),
        (("--photos", "x", "--half", "2"), "--half"),
        (("--half", "0"), "--half goes with --photos"),
        (("--crops", "x"), "--crops goes with --sheet"),
        (("--sheet", "x", "--data-dir", "y"), "--data-dir means nothing with --sheet"),
    ],
)
def test_what_makes_no_sense_together_is_a_usage_error(run, arguments, message):
    code, out, err = run("evaluate", INT8, *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_a_photo_that_is_no_picture_is_named_and_nothing_is_written(run, folder, tmp_path):
    entries = json.loads((folder / "labels.json").read_text())
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "labels.json").write_text(json.dumps(entries[:1]))
    (broken / "one.png").write_bytes(b"no picture")
    code, out, err = run("evaluate", "--photos", broken, "--out", tmp_path / "report")
    assert (code, out) == (3, "")
    assert "one.png" in err
    assert not (tmp_path / "report").exists()


def test_a_model_that_is_not_there_is_named(run, folder, tmp_path):
    code, _, err = run("evaluate", tmp_path / "none.tflite", "--photos", folder)
    assert (code, "none.tflite" in err) == (3, True)
