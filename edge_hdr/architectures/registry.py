"""Names of the architectures; importing this module does not import TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from edge_hdr.errors import ConfigError, nearest


@dataclass(frozen=True)
class Architecture:
    """A named builder with its default widths.

    Attributes:
        family: module and function of the builder in this package.
        channels: its widths, in the order that the builder's docstring gives.
        least: fewest widths that the builder takes.
        most: most of them; None where there is no limit.
    """

    family: str
    channels: tuple[int, ...]
    least: int = 1
    most: int | None = None


ARCHITECTURES = {
    "ds-cnn-nano": Architecture("ds_cnn", (12, 16, 16, 24, 24, 32), least=4),
    "ds-cnn-small": Architecture("ds_cnn", (24, 32, 32, 64, 64, 96), least=4),
    "ds-cnn-base": Architecture("ds_cnn", (32, 48, 48, 96, 96, 96, 128), least=4),
    # the references of the literature
    "mlp": Architecture("mlp", (128, 64)),
    "lenet5": Architecture("lenet5", (6, 16, 120, 84), least=3),
    "cnn5": Architecture("cnn5", (32, 64, 128), least=3, most=3),
    "alexnet": Architecture("alexnet", (32, 64, 96, 96, 64, 256, 256), least=5),
    "ciresan": Architecture("ciresan", (20, 40, 150), least=3, most=3),
    "resnet": Architecture("resnet", (16, 32, 64)),
    "light-cnn": Architecture("light_cnn", (16, 32, 48, 64), least=3),
    "mobilenet-v2": Architecture("mobilenet", (35,), most=1),
}


def resolve(name: str, channels: tuple[int, ...] | None = None) -> Architecture:
    """Look an architecture up and give it other widths where asked.

    Raises:
        ConfigError: the name is unknown, or the number of widths is not the builder's.
    """
    if name not in ARCHITECTURES:
        raise ConfigError(f"unknown architecture {name!r}", hint=nearest(name, ARCHITECTURES))
    known = ARCHITECTURES[name]
    if channels is None:
        return known
    most = known.most or len(channels)
    if not known.least <= len(channels) <= most or min(channels) < 1:
        default = ",".join(map(str, known.channels))
        raise ConfigError(
            f"--channels {','.join(map(str, channels))} does not fit {name}",
            hint=f"its default is {default}; give positive widths in that form",
        )
    return replace(known, channels=channels)


def build(name: str, *, channels: tuple[int, ...] | None = None, classes: int = 10) -> Any:
    """Build a Keras model by name.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).

    Raises:
        ConfigError: see `resolve`.
    """
    architecture = resolve(name, channels)
    module = import_module(f"edge_hdr.architectures.{architecture.family}")
    return getattr(module, architecture.family)(architecture.channels, classes=classes)
