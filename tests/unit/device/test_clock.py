from __future__ import annotations

import logging

import pytest

from edge_hdr_device.system.clock import Clock

NOON_S = 1_780_000_000.0


def test_a_clock_that_drifts_is_steady() -> None:
    clock = Clock()
    for second in range(100):
        assert clock.check(NOON_S + 1.5 * second, 50.0 + second) == 0
    assert (clock.part.level, clock.part.state) == ("ok", "steady")
    assert clock.part.facts == {"jumps": 0}


@pytest.mark.parametrize("jump_s", [86_400.0, -3600.0, 2.5])
def test_a_jump_is_counted_and_told_once(jump_s: float, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    with caplog.at_level(logging.WARNING, "edge_hdr.clock"):
        clock.check(NOON_S, 50.0)
        assert clock.check(NOON_S + 1 + jump_s, 51.0) == jump_s
        for second in range(2, 50):
            assert clock.check(NOON_S + second + jump_s, 50.0 + second) == 0
    assert clock.part.facts == {"jumps": 1}
    assert f"{jump_s:+.1f} s" in clock.part.detail
    assert len(caplog.messages) == 1


def test_a_pause_between_frames_is_no_jump() -> None:
    clock = Clock()
    clock.check(NOON_S, 50.0)
    assert clock.check(NOON_S + 7200, 7250.0) == 0
