"""The depthwise-separable CNN of edge-hdr."""

from __future__ import annotations

from typing import Any

from tf_keras import Input, Model, layers

from edge_hdr.architectures.layers import SpaceToDepth, conv_bn, depthwise_bn

HIGH_BLOCKS = 2  # at 14×14, before the stride to 7×7


def ds_cnn(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build a depthwise-separable CNN for normalized digits.

    A 2×2 space-to-depth stem spares the convolution with one input channel at full resolution,
    which dominates the time of int8 kernels. A depthwise convolution over the whole last field
    replaces global pooling, so that position is not lost.

    Args:
        channels: of the stem, of two blocks at 14×14, and of each block at 7×7 (at least one).
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).

    Source: A. Howard et al., MobileNets, arXiv 1704.04861; Y. Zhang et al., Hello Edge,
    arXiv 1711.07128.
    """
    stem, *blocks = channels
    inputs = Input((28, 28, 1), name="image")
    x = SpaceToDepth(2, name="stem_fold")(inputs)
    x = conv_bn(x, stem, 3, name="stem")
    for index, width in enumerate(blocks, start=1):
        x = _block(x, width, strides=2 if index == HIGH_BLOCKS + 1 else 1, name=f"block{index}")
    x = depthwise_bn(x, 7, padding="valid", relu=False, name="head_field")
    x = layers.Flatten(name="head_flatten")(x)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="ds_cnn")


def _block(x: Any, channels: int, *, strides: int, name: str) -> Any:
    x = depthwise_bn(x, 3, strides=strides, name=f"{name}_depthwise")
    return conv_bn(x, channels, 1, name=f"{name}_pointwise")
