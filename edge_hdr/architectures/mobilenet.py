"""MobileNetV2 of tf_keras.applications, to be begun from its ImageNet weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tf_keras import Input, Model, initializers, layers
from tf_keras.applications import MobileNetV2

from edge_hdr.data import cache
from edge_hdr.errors import ConfigError, DataError, StorageError, UnreachableError
from edge_hdr_device.storage import storage_error

SIDE_PX = 64  # 28, framed to 32, twice as large: the network's stride is 32
PUBLISHED_PERCENT = (35, 50, 75, 100, 130, 140)
PUBLISHED_SIDE_PX = 96  # the smallest images that weights are published for
ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
_LAST_WIDTH = 320  # of block 16 at a width multiplier of 1
_HDF5 = b"\x89HDF\r\n\x1a\n"


def mobilenet(channels: tuple[int, ...], *, classes: int = 10) -> Any:
    """Build MobileNetV2 behind a stem that turns a digit into the picture it expects.

    The stem is made of what int8 kernels know: a frame of background, a bilinear enlargement to
    64×64, and a 1×1 convolution that starts as grey → three colours in [-1, 1].

    Args:
        channels: the width multiplier in percent; 35, 50, 75, 100, 130 and 140 have ImageNet
            weights.
        classes: number of outputs.

    Returns:
        A model from float32 (N, 28, 28, 1) in [0, 1], ink 1, to logits float32 (N, classes).

    Source: M. Sandler et al., MobileNetV2, arXiv 1801.04381.
    """
    (percent,) = channels
    inputs = Input((28, 28, 1), name="image")
    x = layers.ZeroPadding2D(2, name="stem_frame")(inputs)
    x = layers.UpSampling2D(2, interpolation="bilinear", name="stem_enlarge")(x)
    x = layers.Conv2D(
        3,
        1,
        kernel_initializer=initializers.Constant(2.0),
        bias_initializer=initializers.Constant(-1.0),
        name="stem_colour",
    )(x)
    body = MobileNetV2(
        input_shape=(SIDE_PX, SIDE_PX, 3),
        input_tensor=x,
        alpha=percent / 100,
        include_top=False,
        weights=None,
    )
    x = layers.GlobalAveragePooling2D(name="pool")(body.output)
    return Model(inputs, layers.Dense(classes, name="logits")(x), name="mobilenet")


def load_imagenet(model: Any) -> None:
    """Put ImageNet weights into a model of `mobilenet`; stem and last layer stay as they are.

    The file is that of tf_keras.applications, from Keras's own cache (KERAS_HOME, else ~/.keras)
    or downloaded into it.

    Args:
        model: from `mobilenet`, changed in place.

    Raises:
        ConfigError: the model is another one, or no weights are published for its width.
        UnreachableError: the file is not in the cache and cannot be downloaded.
        DataError: the file holds other weights.
        StorageError: the cache cannot be written.
    """
    if model.name != "mobilenet":
        raise ConfigError(
            f"there are no ImageNet weights for {model.name}", hint="give --arch mobilenet-v2"
        )
    percent = round(100 * model.get_layer("block_16_project").filters / _LAST_WIDTH)
    if percent not in PUBLISHED_PERCENT:
        known = ", ".join(map(str, PUBLISHED_PERCENT))
        raise ConfigError(
            f"no ImageNet weights are published for a width of {percent} %",
            hint=f"give --channels one of {known}",
        )
    side = PUBLISHED_SIDE_PX
    path = _obtain(f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{percent / 100}_{side}_no_top")
    published = _read(path, percent)
    for layer in published.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())


def _obtain(name: str) -> Path:
    """Give the file of that name in Keras's cache, downloaded where it is not there."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    path, url = home / "models" / f"{name}.h5", f"{ADDRESS}{name}.h5"
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cache.reachable([url]):
            raise UnreachableError("their server does not answer")
        cache.download(url, path, verify=_verify)
    except OSError as error:
        raise storage_error(path, error) from error
    except (UnreachableError, DataError, StorageError) as error:
        hint = f"fetch {url} elsewhere and put it at {path}, or build without --start"
        raise type(error)(
            f"no ImageNet weights: {error.message}", hint=error.hint or hint
        ) from error
    return path


def _verify(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_HDF5)) != _HDF5:
            raise DataError("what came is no HDF5 file")


def _read(path: Path, percent: int) -> Any:
    """Read a weights file into the network it was published for."""
    try:
        _verify(path)
        return MobileNetV2(
            input_shape=(PUBLISHED_SIDE_PX, PUBLISHED_SIDE_PX, 3),
            alpha=percent / 100,
            include_top=False,
            weights=str(path),
        )
    except (OSError, ValueError, KeyError, DataError) as error:
        raise DataError(
            f"{path} holds no weights of MobileNetV2 at {percent} %",
            hint="remove the file; it is then downloaded again",
        ) from error
