"""The feed-forward reference, 784-128-64-10."""

from __future__ import annotations

from typing import Any

from tf_keras import Input, Model, layers


def mlp(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build a feed-forward network.

    Args:
        channels: width of each hidden layer.
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).
    """
    inputs = Input((28, 28, 1), name="image")
    x = layers.Flatten(name="flatten")(inputs)
    for index, width in enumerate(channels, start=1):
        x = layers.Dense(width, activation="relu", name=f"hidden{index}")(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="mlp")
