"""What `bench` measures: names, files, and models that cannot be used."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path

import pytest

from edge_hdr.bench.candidates import Candidates, UnusableModelError
from edge_hdr.bench.names import split_argument, unique
from edge_hdr.bench.subjects import Options, arguments, open_subject, read_model_file
from edge_hdr.errors import ModelError, UsageError
from edge_hdr_device import released

DATA = Path(__file__).parents[2] / "data"
INT8, FLOAT = (DATA / f"{name}.tflite" for name in ("tiny-int8", "tiny-float"))
XNNPACK = Options(delegate="xnnpack")


class Lines:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.lines = []

    def progress(self, text, done, total):
        pass

    def warn(self, message):
        self.lines.append(message)


@pytest.mark.parametrize(
    ("taken", "name"),
    [((), "ours"), (("theirs",), "ours"), (("ours",), "ours-2"), (("ours", "ours-2"), "ours-3")],
)
def test_names_are_made_unique(taken, name):
    assert unique("ours", taken) == name


def test_a_file_tells_what_it_is():
    file = read_model_file(str(INT8))
    assert (file.name, file.own_name, file.path) == ("tiny-int8", "tiny-int8", INT8)
    assert (file.argument, file.label) == (str(INT8), "")
    assert file.sha256 == hashlib.sha256(INT8.read_bytes()).hexdigest()
    assert file.gzip_bytes == len(gzip.compress(INT8.read_bytes(), 9, mtime=0))
    assert file.threshold == file.manifest.threshold


def test_anyones_file_is_called_by_its_own_name(tmp_path):
    build = tmp_path / "their build"
    build.mkdir()
    shutil.copy(FLOAT, build / "model.tflite")
    assert read_model_file(str(FLOAT)).name == "tiny-float"
    assert read_model_file(str(build)).name == "their build"
    file = read_model_file(str(build / "model.tflite"))
    assert (file.name, file.manifest) == ("their build", None)
    assert (file.temperature, file.threshold) == (1.0, 0.0)


def test_no_model_means_all_released_ones():
    assert arguments(()) == released.names()
    assert arguments(["x"]) == ["x"]


def test_a_tflite_file_is_opened_as_asked():
    subject = open_subject(str(FLOAT), input_range=(0, 1), threads=2, delegate="none")
    assert (subject.name, subject.kind) == ("tiny-float", "tflite")
    assert (subject.threads, subject.delegate) == (2, "none")


def test_what_cannot_be_used_is_told_and_the_others_go_on(tmp_path):
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"no model")
    reporter = Lines()
    models = Candidates([str(INT8), "nothing", str(bad), str(INT8)], reporter)
    models.start(XNNPACK)
    assert [file.name for file in models.files] == ["tiny-int8", "tiny-int8-2"]
    assert list(models.subjects) == ["tiny-int8", "tiny-int8-2"]
    assert [failure.file for failure in models.failures] == ["nothing", str(bad)]
    assert "no model 'nothing'" in reporter.lines[0]
    assert reporter.lines[1].startswith("hint: ")
    assert str(bad) in reporter.lines[2]
    assert models.failures[1].to_dict()["code"] == "model"


def test_the_only_model_ends_the_run_by_its_own_error():
    with pytest.raises(ModelError, match="no model 'nothing'"):
        Candidates(["nothing"], Lines())


def test_several_models_of_which_none_can_be_used_end_it_too():
    with pytest.raises(UnusableModelError, match="2 of 2 models") as raised:
        Candidates(["nothing", "nowhere"], Lines())
    assert [failure["file"] for failure in raised.value.data["failed"]] == ["nothing", "nowhere"]


def test_a_model_that_fails_later_is_left_out():
    models = Candidates([str(INT8), str(FLOAT)], Lines())
    models.start(XNNPACK)

    def fail(file):
        if file.name == "tiny-int8":
            raise ModelError("it fails", hint="")

    models.each(fail)
    assert (list(models.subjects), len(models.failures)) == (["tiny-float"], 1)


def names(*arguments):
    return [file.name for file in Candidates(arguments, Lines()).files]


@pytest.fixture
def builds(tmp_path, monkeypatch):
    """Make three builds of one name in the folder that it goes to."""
    monkeypatch.chdir(tmp_path)
    for place in ("a/seed0", "a/seed1", "b/seed0"):
        Path(place).mkdir(parents=True)
        shutil.copy(INT8, Path(place) / "model.tflite")
    return tmp_path


def test_models_of_one_name_are_told_apart_by_their_paths(builds):
    assert names("a/seed0") == ["tiny-int8"]
    assert names("a/seed0", "a/seed1") == ["tiny-int8 (seed0)", "tiny-int8 (seed1)"]
    assert names("b/seed0", "a/seed0/model.tflite", str(FLOAT)) == [
        "tiny-int8 (b/seed0)",
        "tiny-int8 (a/seed0)",
        "tiny-float",
    ]
    assert names(str(INT8), "a/seed1") == ["tiny-int8 (tiny-int8)", "tiny-int8 (seed1)"]


def test_a_released_model_is_called_so_beside_another_of_its_name(builds):
    name = released.names()[0]
    shutil.copy(released.find(name), "mine.tflite")
    assert names(name, "mine.tflite") == [f"{name} (released)", f"{name} (mine)"]


def test_a_model_has_the_name_that_the_user_gives_it(builds):
    models = Candidates(["digits=a/seed0", "a/seed1", f"tiny-float={INT8}"], Lines())
    assert [file.name for file in models.files] == ["digits", "tiny-int8", "tiny-float"]
    assert [file.label for file in models.files] == ["digits", "", "tiny-float"]
    assert [file.argument for file in models.files] == ["a/seed0", "a/seed1", str(INT8)]
    assert names("tiny-int8=b/seed0", "a/seed1") == ["tiny-int8", "tiny-int8 (seed1)"]
    with pytest.raises(UsageError, match="two models are called digits"):
        Candidates(["digits=a/seed0", "digits=a/seed1"], Lines())


def test_a_name_is_told_from_a_path(builds):
    Path("lr=0.1").mkdir()
    assert split_argument("lr=0.1") == ("", "lr=0.1")
    assert split_argument("runs/lr=0.2") == ("", "runs/lr=0.2")
    assert split_argument("digits=runs/lr=0.2") == ("digits", "runs/lr=0.2")
    for text in ("=x.tflite", "digits="):
        with pytest.raises(UsageError, match="is not NAME=PATH"):
            split_argument(text)
