"""Baselines: what is read, and one clear line for what is none."""

from __future__ import annotations

import json

import pytest
from bench_runs import model, run

from edge_hdr.bench.baseline import check_fit, measured, read_baseline
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
    check_fit(GOOD, ["ours", "theirs"], "digits")
    check_fit(GOOD, ["ours"], None)
    check_fit({**GOOD, "data": None}, ["ours"], "digits")
    with pytest.raises(InputError, match="other examples"):
        check_fit(GOOD, ["ours"], "others")
    with pytest.raises(InputError, match="none of the models theirs"):
        check_fit(GOOD, ["theirs"], "digits")
