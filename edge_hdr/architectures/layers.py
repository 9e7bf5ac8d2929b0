"""Layers that the architectures share and that tfmot and the converter both understand."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tf_keras import layers


class SpaceToDepth(layers.Layer):
    """Fold each block×block patch of pixels into channels, which costs no arithmetic.

    float32 (N, H, W, C) becomes (N, H/block, W/block, block²·C).
    """

    def __init__(self, block: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.block = block

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Give `inputs` with its patches folded."""
        return tf.nn.space_to_depth(inputs, self.block)

    def get_config(self) -> dict[str, Any]:
        """Give what a copy of this layer is made from."""
        return {**super().get_config(), "block": self.block}


def conv_bn(
    x: Any, channels: int, kernel: int, *, strides: int = 1, relu: bool = True, name: str
) -> Any:
    """Apply a convolution without bias, batch norm, and a ReLU: the order that folds to one op."""
    x = layers.Conv2D(channels, kernel, strides=strides, padding="same", use_bias=False, name=name)(
        x
    )
    x = layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def depthwise_bn(
    x: Any,
    kernel: int,
    *,
    strides: int = 1,
    padding: str = "same",
    relu: bool = True,
    name: str,
) -> Any:
    """Apply a depthwise convolution without bias, batch norm, and a ReLU."""
    x = layers.DepthwiseConv2D(kernel, strides=strides, padding=padding, use_bias=False, name=name)(
        x
    )
    x = layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x
