"""Baselines: what is read, and one clear line for what is none."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from bench_runs import model, run

from edge_hdr.bench.baseline import check_fit, measured, read_baseline
from edge_hdr.bench.partners import partners
from edge_hdr.errors import InputError

GOOD = run(model(wrong=[3, 5]))
PRINTED = {"schema": 1, "command": "bench", "ok": True, "error": None}


def without(*path):
    """Give the good document less the field at the end of the path."""
    copy = json.loads(json.dumps(GOOD))
    part = copy
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return copy


@pytest.fixture
def baseline(tmp_path):
    """Write a baseline; gives its path."""

    def write(content):
        path = tmp_path / "baseline.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("content", [GOOD, {**PRINTED, "data": GOOD}])
def test_the_file_and_what_json_prints_are_read_alike(baseline, content):
    assert read_baseline(baseline(content)) == GOOD


def test_a_model_is_taken_apart():
    found = measured(GOOD)["ours"]
    assert (found.n, found.wrong, found.setting) == (1000, {3, 5}, "xnnpack×1")
    assert (found.file_bytes, found.instructions, len(found.windows_ms)) == (30_000, None, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no JSON document, or is cut off"),
        (json.dumps(GOOD)[:-40], "no JSON document, or is cut off"),
        ("[" * 100_000, "no JSON document, or is cut off"),
        ("[]", "no bench document"),
        ('"text"', "no bench document"),
        ({"schema": 1, "test": {}}, "no bench document"),
        ({**PRINTED, "ok": False, "data": None}, "no bench document"),
        ({**GOOD, "schema": 1}, "has schema 1, and this edge-hdr reads 2"),
        ({**GOOD, "schema": None}, "has schema None"),
        (without("data"), "garbles a field: 'data'"),
        (without("measurement", "environment", "processor"), "garbles a field: 'processor'"),
        (without("models", 0, "wrong"), "garbles a field: 'wrong'"),
        (without("models", 0, "latency", "invoke"), "garbles a field: 'invoke'"),
        ({**GOOD, "models": None}, "garbles a field"),
        ({**GOOD, "models": [7]}, "garbles a field"),
        ({**GOOD, "measurement": "soon"}, "garbles a field"),
        (run(model(wrong=[1], test={"n": 9, "errors": 2})), "1 wrong examples, not 2"),
        (run(model(windows=[0.0])), "ours has no times"),
    ],
)
def test_what_is_no_baseline_is_one_line_that_names_the_file(baseline, content, message):
    path = baseline(content)
    with pytest.raises(InputError) as raised:
        read_baseline(path)
    assert str(path) in raised.value.message
    assert message in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_a_newer_schema_says_what_to_update(baseline):
    with pytest.raises(InputError) as raised:
        read_baseline(baseline({**GOOD, "schema": 3}))
    assert raised.value.hint == "update edge-hdr"


def test_a_file_that_is_missing_or_no_text_is_told(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: No such file"):
        read_baseline(tmp_path / "none.json")
    (tmp_path / "picture.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="no JSON document"):
        read_baseline(tmp_path / "picture.json")
    with pytest.raises(InputError, match="Is a directory"):
        read_baseline(tmp_path)


def test_a_baseline_fits_the_same_examples_and_one_model_at_least():
    ours, theirs = (list(measured(run(model(name))).values()) for name in ("ours", "theirs"))
    assert check_fit(GOOD, ours, "digits") == {"ours": "ours"}
    check_fit(GOOD, ours, None)
    check_fit({**GOOD, "data": None}, ours, "digits")
    with pytest.raises(InputError, match="other examples"):
        check_fit(GOOD, ours, "others")
    with pytest.raises(InputError, match="nothing to compare theirs with"):
        check_fit(GOOD, theirs, "digits")


@dataclass
class Entry:
    """A model of one run, with what is told of it."""

    name: str
    sha256: str = ""
    argument: str = ""
    label: str = ""
    own_name: str = ""

    def __post_init__(self):
        self.own_name = self.own_name or self.name


RELEASED = Entry("small (released)", "r", "small", own_name="small")
MINE = Entry("small (mine/digits)", "m", "mine/digits.tflite", own_name="small")


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        # the same files, whatever the order and whatever they are called in either run
        ([RELEASED, MINE], [MINE, RELEASED], {MINE.name: MINE.name, RELEASED.name: RELEASED.name}),
        ([RELEASED, MINE], [Entry("small", "m", own_name="small")], {"small": MINE.name}),
        # documents that know no arguments
        ([Entry("small", "r"), Entry("small-2", "m")], [MINE], {MINE.name: "small-2"}),
        ([Entry("small", "old")], [Entry("small", "new", "x")], {"small": "small"}),
        # NAME=PATH comes before everything, also where one run alone has it
        (
            [Entry("a", "1", "x", "a"), Entry("b", "2", "y", "b")],
            [Entry("a", "2", "y", "a"), Entry("b", "1", "x", "b")],
            {"a": "a", "b": "b"},
        ),
        ([Entry("a", "1", "x")], [Entry("a", "2", "y", "a", "other")], {"a": "a"}),
        # what replaced a file is compared with that, though a copy of the old one is there too
        (
            [Entry("p", "1", "p")],
            [Entry("copy", "1", "copy"), Entry("q", "2", "p")],
            {"q": "p"},
        ),
        # the reference is known by its file, which leaves one of its name in both runs
        (
            [RELEASED, MINE],
            [RELEASED, Entry("small (new)", "n", "new.tflite", own_name="small")],
            {RELEASED.name: RELEASED.name, "small (new)": MINE.name},
        ),
    ],
)
def test_models_that_belong_together_are_paired(before, after, pairs):
    assert partners(before, after) == pairs


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # a copy of the reference in place of the model
        ([Entry("r", "1", "r"), Entry("a", "2", "x")], [Entry("r", "1", "r"), Entry("b", "1")]),
        # two names that the user gave, though the manifests agree
        ([Entry("a", "1", "x", "a", "own")], [Entry("b", "2", "y", "b", "own")]),
        # two of the name are left in one run
        ([MINE, RELEASED], [Entry("small", "n", own_name="small")]),
    ],
)
def test_what_might_belong_together_is_refused(before, after):
    with pytest.raises(InputError, match="nothing to compare"):
        partners(before, after)
