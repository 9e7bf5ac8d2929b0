"""Pareto fronts of a run."""

from __future__ import annotations

import pytest

from edge_hdr.bench.front import fronts, pareto


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ({}, []),
        ({"a": (10, 5)}, ["a"]),
        ({"a": (10, 5), "b": (20, 3), "c": (30, 1)}, ["a", "b", "c"]),
        ({"big": (30, 1), "small": (10, 5)}, ["small", "big"]),
        ({"a": (10, 5), "beaten": (20, 5)}, ["a"]),
        ({"a": (10, 5), "beaten": (10, 6)}, ["a"]),
        ({"a": (10, 5), "beaten": (11, 6), "b": (11, 4)}, ["a", "b"]),
        ({"twin": (10, 5), "a twin": (10, 5)}, ["a twin", "twin"]),
    ],
)
def test_the_front_is_what_nothing_beats(points, front):
    assert pareto(points) == front


def entry(name, *, errors, size, time):
    return {
        "name": name,
        "test": None if errors is None else {"errors": errors},
        "file_bytes": size,
        "latency": {"invoke": {"p50_ms": time}},
    }


def test_each_front_has_the_models_that_it_can_place():
    models = [
        entry("fast", errors=30, size=9000, time=0.02),
        entry("small", errors=30, size=7000, time=0.03),
        entry("slow", errors=31, size=8000, time=0.09),
        entry("not asked", errors=None, size=10, time=0.001),
        entry("on the board", errors=20, size=None, time=0.05),
    ]
    assert fronts(models) == {"bytes": ["small"], "latency": ["fast", "on the board"]}
