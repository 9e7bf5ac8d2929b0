"""Two 5×5 convolutions and a dense layer with dropout, the network of many courses and papers."""

from __future__ import annotations

from typing import Any

from tf_keras import Input, Model, layers

DROPOUT = 0.5


def cnn5(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build a CNN of 5×5 convolution, pooling, 5×5 convolution, and a dense layer with dropout.

    Args:
        channels: of the two convolutions and the hidden dense layer.
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).
    """
    first, second, wide = channels
    inputs = Input((28, 28, 1), name="image")
    x = layers.Conv2D(first, 5, activation="relu", name="conv1")(inputs)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(second, 5, activation="relu", name="conv2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(wide, activation="relu", name="hidden")(x)
    x = layers.Dropout(DROPOUT, name="dropout")(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="cnn5")
