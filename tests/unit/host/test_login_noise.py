"""The words of a start file, however they are cut into pieces."""

from __future__ import annotations

import subprocess

import pytest

from edge_hdr.login_noise import MARK, MARKED, AfterMark


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_only_what_comes_after_the_mark_is_passed_on(size: int) -> None:
    said = b"Welcome\x01edge-" + MARK + b"out " + MARK + b"put"
    taken: list[bytes] = []
    after = AfterMark(taken.append)
    for start in range(0, len(said), size):
        after.take(said[start : start + size])
    assert b"".join(taken) == b"out " + MARK + b"put"


def test_a_marked_command_prints_the_mark_first() -> None:
    done = subprocess.run([*MARKED, "printf", "%s", "a b"], capture_output=True, check=True)
    assert done.stdout == MARK + b"a b"
