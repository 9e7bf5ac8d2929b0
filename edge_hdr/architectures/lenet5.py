"""LeNet-5, the reference of 1998 with the activations of today."""

from __future__ import annotations

from typing import Any

from tf_keras import Input, Model, layers


def lenet5(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build LeNet-5 with ReLU and max pooling.

    Args:
        channels: of the two 5×5 convolutions and each hidden dense layer, one at least; the
            original has two.
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).

    Source: Y. LeCun et al., Gradient-based learning applied to document recognition, 1998.
    """
    first, second, *hidden = channels
    inputs = Input((28, 28, 1), name="image")
    x = layers.Conv2D(first, 5, padding="same", activation="relu", name="conv1")(inputs)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(second, 5, activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool2")(x)
    x = layers.Flatten(name="flatten")(x)
    for index, width in enumerate(hidden, start=1):
        x = layers.Dense(width, activation="relu", name=f"hidden{index}")(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="lenet5")
