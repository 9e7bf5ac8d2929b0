from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.made_once import Arrays, code, made_once


class Maker:
    """Count how often it is asked."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Arrays:
        self.made += 1
        return {"a": np.arange(5)}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "edge-hdr" / "some"


def once(make: Maker, *facts: object, names: str = "a") -> None:
    assert made_once("some", make, *facts, names={*names}, most=2)["a"].tolist() == [0, 1, 2, 3, 4]


def test_what_is_kept_is_made_once_for_the_same_facts(cache: Path) -> None:
    make = Maker()
    for fact in (1, 1, "1", 1):
        once(make, fact)
    assert make.made == 2
    assert len([*cache.iterdir()]) == 2


def test_a_damaged_file_and_one_of_other_arrays_are_made_again(cache: Path) -> None:
    make = Maker()
    once(make)
    (file,) = cache.iterdir()
    for content in (b"", b"PK\3\4", file.read_bytes()[:-40]):
        file.write_bytes(content)
        once(make)
    np.savez(file, b=np.arange(5))
    once(make)
    assert make.made == 1 + 3 + 1


def test_the_oldest_goes_first(cache: Path) -> None:
    make = Maker()
    for fact in (1, 2, 1, 3, 1):  # 2 is the one used longest ago when 3 comes
        once(make, fact)
        for file in cache.iterdir():  # a clock of files may tick more slowly than this
            os.utime(file, ns=(0, file.stat().st_mtime_ns - 10**9))
    assert make.made == 3
    assert len([*cache.iterdir()]) == 2


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    make = Maker()
    once(make)
    once(make)
    assert make.made == 2


def test_every_room_has_a_digest_of_its_own() -> None:
    rooms = ("edge_hdr", "context"), ("edge_hdr", "exposure"), ("edge_hdr_device", "")
    assert len({code((room,)) for room in rooms} | {code(rooms)}) == 4
