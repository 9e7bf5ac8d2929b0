"""A lightweight CNN of the kind that papers on edge devices propose."""

from __future__ import annotations

from typing import Any

from tf_keras import Input, Model, layers

from edge_hdr.architectures.layers import conv_bn, depthwise_bn


def light_cnn(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build a strided 3×3 stem, depthwise-separable blocks, and global average pooling.

    Args:
        channels: of the stem and of each block; the second block halves the field.
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).

    Source: the common form of such networks after A. Howard et al., arXiv 1704.04861; no
    published one layer by layer.
    """
    stem, *blocks = channels
    inputs = Input((28, 28, 1), name="image")
    x = conv_bn(inputs, stem, 3, strides=2, name="stem")
    for index, width in enumerate(blocks, start=1):
        x = depthwise_bn(x, 3, strides=2 if index == 2 else 1, name=f"block{index}_depthwise")
        x = conv_bn(x, width, 1, name=f"block{index}_pointwise")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="light_cnn")
