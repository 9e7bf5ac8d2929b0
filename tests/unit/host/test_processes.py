from __future__ import annotations

import os
from functools import partial
from multiprocessing import parent_process

import pytest

from edge_hdr.processes import LEAST_PIECES, Processes


def fatal_elsewhere(number: int, material: int) -> int:
    """Kill the process of a pool; the process that owns the pool gets through."""
    if number == 2 and parent_process() is not None:
        os._exit(1)
    return number * material


def in_child(material: int) -> bool:
    return parent_process() is not None


def failing(material: int) -> int:
    raise ValueError("a job's own")


def test_results_come_in_order_even_if_a_process_is_killed() -> None:
    with Processes(7, 2, 10) as pool:
        found = list(pool.results(partial(fatal_elsewhere, number) for number in range(10)))
    assert found == [7 * number for number in range(10)]


def test_little_work_starts_no_process_and_its_errors_pass() -> None:
    with Processes(7, None, LEAST_PIECES - 1) as pool:
        assert list(pool.results([in_child])) == [False]
        with pytest.raises(ValueError, match="a job's own"):
            list(pool.results([failing]))
