import sys

import pytest

from edge_hdr.architectures.registry import ARCHITECTURES, resolve
from edge_hdr.errors import ConfigError


def test_three_sizes_and_the_references_are_named() -> None:
    assert {"ds-cnn-nano", "ds-cnn-small", "ds-cnn-base", "mlp", "lenet5"} <= set(ARCHITECTURES)
    assert ARCHITECTURES["mlp"].channels == (128, 64)  # 784-128-64-10


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown architecture 'ds-cnn-nanno'") as caught:
        resolve("ds-cnn-nanno")
    assert caught.value.hint.startswith("did you mean ds-cnn-nano?")


@pytest.mark.parametrize(
    ("name", "channels"),
    [("lenet5", (6, 16)), ("ds-cnn-small", (8, 8)), ("mlp", (0,)), ("ds-cnn-nano", (8, -8, 8))],
)
def test_widths_that_do_not_fit_are_refused(name: str, channels: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        resolve(name, channels)


def test_names_cost_no_tensorflow() -> None:
    import subprocess

    code = "import sys, edge_hdr.architectures.registry; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
