"""A residual network in the form made for small images."""

from __future__ import annotations

from typing import Any

from tf_keras import Input, Model, layers

from edge_hdr.architectures.layers import conv_bn


def resnet(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build a residual network: a 3×3 stem, then one basic block a width, halved in between.

    Args:
        channels: of each stage; the stem has the first one's.
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).

    Source: K. He et al., Deep residual learning for image recognition, 2015, section 4.2; with
    projections where the width changes.
    """
    inputs = Input((28, 28, 1), name="image")
    x = conv_bn(inputs, channels[0], 3, name="stem")
    for index, width in enumerate(channels, start=1):
        x = _block(x, width, strides=1 if index == 1 else 2, name=f"block{index}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="resnet")


def _block(x: Any, channels: int, *, strides: int, name: str) -> Any:
    within = conv_bn(x, channels, 3, strides=strides, name=f"{name}_conv1")
    within = conv_bn(within, channels, 3, relu=False, name=f"{name}_conv2")
    if strides > 1 or x.shape[-1] != channels:
        x = conv_bn(x, channels, 1, strides=strides, relu=False, name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([within, x]))
