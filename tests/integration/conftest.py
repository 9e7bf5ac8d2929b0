"""Fixtures that several modules of integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from toy_build import Builder, building


@pytest.fixture(scope="module")
def builder() -> Iterator[Builder]:
    """Give a process that builds one model after another."""
    with building() as made:
        yield made
