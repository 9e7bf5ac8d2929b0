from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[3] / "benchmarks" / "photos.py"


@pytest.fixture(scope="module")
def photos() -> Any:
    spec = importlib.util.spec_from_file_location("benchmark_photos", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("expected", "got", "counts"),
    [
        ("1234", "1234", (0, 0, 0)),
        ("1234", "134", (1, 0, 0)),
        ("1234", "12034", (0, 1, 0)),
        ("1234", "1934", (0, 0, 1)),
        ("1234", "", (4, 0, 0)),
        ("", "12", (0, 2, 0)),
        ("12345", "2346", (1, 0, 1)),
    ],
)
def test_edits_are_counted_by_kind(
    photos: Any, expected: str, got: str, counts: tuple[int, int, int]
) -> None:
    edits = photos.edits(expected, got)
    assert (edits.missed, edits.invented, edits.confused) == counts


def test_summary_adds_up(photos: Any) -> None:
    rows = [
        {"expected": "12/3", "got": "12/3", "missed": 0, "invented": 0, "confused": 0},
        {"expected": "4567", "got": "45/7", "missed": 1, "invented": 0, "confused": 0},
    ]
    summary = photos.summarize(rows)
    assert summary["digits"] == 3 + 4
    assert summary["character_error_rate"] == pytest.approx(1 / 7, abs=1e-4)
    assert summary["whole_photo_accuracy"] == 1 / 2
