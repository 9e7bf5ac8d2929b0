"""`edge-hdr adapt` up to where TensorFlow would begin: what is refused, and what is left."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from edge_hdr.cli import adapt as command
from edge_hdr.errors import DataError, EdgeHdrError, ModelError, StorageError

FLOAT = Path(__file__).parents[2] / "data" / "tiny-float.tflite"


def run(*arguments):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command.adapt)
    return typer.main.get_command(app).main([*map(str, arguments)], standalone_mode=False)


def test_no_samples_leave_no_folder(tmp_path):
    (tmp_path / "mine" / "3").mkdir(parents=True)
    with pytest.raises(DataError, match="no labelled samples") as caught:
        run("--samples", tmp_path / "mine", "--out", tmp_path / "new" / "model")
    assert caught.value.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_holds_something_is_not_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.tflite").write_bytes(b"mine")
    with pytest.raises(StorageError, match="exists"):
        run("--samples", tmp_path, "--out", tmp_path / "out")


def test_a_file_without_a_manifest_cannot_be_adapted(tmp_path):
    with pytest.raises(ModelError, match="has no manifest") as caught:
        run("--samples", tmp_path, "--from", FLOAT)
    assert caught.value.hint


def test_an_interruption_says_that_nothing_was_written(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("edge_hdr.adaptation.run.adapt", interrupted)
    with pytest.raises((KeyboardInterrupt, SystemExit, EdgeHdrError, typer.Abort)):
        if run("--samples", tmp_path, "--out", tmp_path / "out") == 130:
            raise KeyboardInterrupt
    assert "no model was written" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_comes_is_told_and_how_far_all_of_it_is(capsys):
    with command.AdaptProgress() as progress:
        progress.step_begins("data")
        row = {"epoch": 1, "loss": 0.5, "val_accuracy": 0.99, "seconds": 45.0}
        for number in (1, 2):
            progress.step_begins(f"training {number} of 4: 5 samples held back")
            progress.start("qat", epochs=3, steps=9, done=0)
            progress.epoch(row)
    lines = capsys.readouterr().err.splitlines()
    assert "about 3 minutes on two cores; an interrupted run begins anew" in lines[0]
    # two more epochs of 45 s are 1.5 minutes, four times
    assert lines.count("4 trainings; about 6 min left") == 1
    assert "training 2 of 4: 5 samples held back; less than a minute left" in lines
    assert any(line.startswith("training 2 of 4, epoch 1/3") for line in lines)
