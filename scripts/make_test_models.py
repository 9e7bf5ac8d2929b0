"""Make tests/data/tiny-int8.tflite and tiny-float.tflite, so that unit tests need no TensorFlow.

    python scripts/make_test_models.py [--data mnist] [--out tests/data]

Both are the same net of 2 k weights. The int8 file carries a manifest; the float file carries
none and ends in a softmax, to stand for a file of anyone's.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np

from edge_hdr import __version__
from edge_hdr.calibration import fit_temperature, threshold_for
from edge_hdr.data.dataset import DIGITS, Split
from edge_hdr.data.load import load
from edge_hdr.data.splits import hold_out
from edge_hdr_device.classifier import Classifier, softmax
from edge_hdr_device.manifest import Manifest, pack
from edge_hdr_device.storage import write_atomic

SEED = 7
VALIDATION = 5000


def main() -> None:
    """Train, convert both files and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--out", type=Path, default=Path("tests/data"))
    options = parser.parse_args()
    data = load(options.data, data_dir=None, seed=SEED)
    train, validation = hold_out(data.train, count=VALIDATION, seed=SEED)
    model = train_model(train, validation)
    write_atomic(options.out / "tiny-float.tflite", convert_float(model))
    flatbuffer = convert_int8(model, train)
    write_atomic(
        options.out / "tiny-int8.tflite", pack(flatbuffer, manifest(flatbuffer, validation, data))
    )
    for name in ("tiny-float", "tiny-int8"):
        path = options.out / f"{name}.tflite"
        labels = Classifier(path).predict(validation.images).labels
        accuracy = float(np.mean(labels == validation.labels))
        print(f"{path}: {path.stat().st_size} bytes, validation accuracy {accuracy:.4f}")


def train_model(train: Split, validation: Split) -> Any:
    """Train the tiny net for about a minute; its outputs are logits."""
    import tf_keras as keras

    keras.utils.set_random_seed(SEED)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1), name="image"),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="stem"),
            layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu", name="depth1"),
            layers.Conv2D(10, 1, activation="relu", name="point1"),
            layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu", name="depth2"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, name="logits"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, 20 * 430)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ["accuracy"],
    )
    model.fit(
        *_arrays(train), batch_size=128, epochs=20, verbose=2, validation_data=_arrays(validation)
    )
    return model


def convert_float(model: Any) -> bytes:
    """Convert with a softmax at the end and no manifest."""
    import tensorflow as tf
    import tf_keras as keras

    classifier = keras.Model(model.input, keras.layers.Softmax()(model.output))
    return bytes(tf.lite.TFLiteConverter.from_keras_model(classifier).convert())


def convert_int8(model: Any, train: Split) -> bytes:
    """Convert to int8 weights, activations, input and output by post-training quantization."""
    import tensorflow as tf

    def representative() -> Iterator[list[Any]]:
        for index in range(500):
            yield [_arrays(train)[0][index : index + 1]]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def manifest(flatbuffer: bytes, validation: Split, data: Any) -> Manifest:
    """Describe the int8 file; temperature and threshold come from the validation split."""
    classifier = Classifier(flatbuffer)
    logits = classifier.logits(validation.images)
    temperature = fit_temperature(logits, validation.labels)
    probabilities = softmax(np.asarray(logits / temperature, np.float32))
    accuracy = float(np.mean(logits.argmax(axis=1) == validation.labels))
    return Manifest(
        name="tiny-int8",
        version=__version__,
        architecture="tiny",
        variant="int8-ptq",
        labels=DIGITS,
        input=classifier.input_spec,
        output=classifier.output_spec,
        temperature=round(temperature, 4),
        threshold=round(threshold_for(probabilities, validation.labels, 0.995), 4),
        metrics={"validation": {"accuracy": accuracy, "n": len(validation)}},
        data={"name": data.name, "sha256": data.train.sha256(), "warnings": list(data.warnings)},
        seed=SEED,
        command="python scripts/make_test_models.py",
    )


def _arrays(split: Split) -> tuple[Any, Any]:
    return split.images[..., None].astype(np.float32) / 255, split.labels


if __name__ == "__main__":
    main()
