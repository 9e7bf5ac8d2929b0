"""One column of the multi-column network that reached 0.23 % error on MNIST."""

from __future__ import annotations

from typing import Any

from tf_keras import Input, Model, layers


def ciresan(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build 1x29x29-20C4-MP2-40C5-MP3-150N-10N.

    Args:
        channels: of the two convolutions and the hidden dense layer.
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).

    Source: D. Cireşan et al., Multi-column deep neural networks for image classification, 2012.
    """
    first, second, wide = channels
    inputs = Input((28, 28, 1), name="image")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="to_29")(inputs)
    x = layers.Conv2D(first, 4, activation="tanh", name="conv1")(x)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(second, 5, activation="tanh", name="conv2")(x)
    x = layers.MaxPooling2D(3, name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(wide, activation="tanh", name="hidden")(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="ciresan")
