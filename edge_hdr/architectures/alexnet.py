"""AlexNet scaled to digits: its order of layers, ReLU and dropout, at 28×28."""

from __future__ import annotations

from typing import Any

from tf_keras import Input, Model, layers

DROPOUT = 0.5


def alexnet(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build an AlexNet with 3×3 kernels: pooled after the first, second and fifth convolution.

    Args:
        channels: of the five convolutions and the two hidden dense layers.
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).

    Source: A. Krizhevsky et al., ImageNet classification with deep convolutional neural
    networks, 2012; local response normalization is left out, as nearly all have done since.
    """
    *convolutions, wide, narrow = channels
    x = inputs = Input((28, 28, 1), name="image")
    for index, width in enumerate(convolutions, start=1):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{index}")(x)
        if index in {1, 2, len(convolutions)}:
            x = layers.MaxPooling2D(2, name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    for index, width in enumerate((wide, narrow), start=1):
        x = layers.Dense(width, activation="relu", name=f"hidden{index}")(x)
        x = layers.Dropout(DROPOUT, name=f"dropout{index}")(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="alexnet")
