"""Transfer from ImageNet: the stem, the weights file, a step of training, the exported model."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_hdr.errors import ConfigError, DataError, UnreachableError
from edge_hdr_device.quiet import native_output_hidden

pytestmark = [pytest.mark.train, pytest.mark.slow]

NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"


@pytest.fixture(scope="module", autouse=True)
def tensorflow() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports
        from edge_hdr.training_setup import prepare

        prepare(0)
        import tensorflow
        import tensorflow_model_optimization  # noqa: F401

        return tensorflow


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, tensorflow: Any) -> Path:
    """Save random weights as ImageNet's are published, in a Keras home."""
    from tf_keras.applications import MobileNetV2

    network = MobileNetV2(input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None)
    path = tmp_path_factory.mktemp("keras") / "models" / NAME
    path.parent.mkdir()
    network.save_weights(str(path))
    return path


@pytest.fixture(scope="module")
def model(tensorflow: Any) -> Any:
    from edge_hdr.architectures.mobilenet import mobilenet

    return mobilenet((35,))


@pytest.fixture
def server(published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Serve the folder of the weights, and note what was asked for."""
    from edge_hdr.architectures import mobilenet

    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(published.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{serving.server_address[1]}/"
        monkeypatch.setattr(mobilenet, "ADDRESS", address)
        yield asked
        serving.shutdown()


def first_kernel(path: Path) -> np.ndarray:
    import h5py

    with h5py.File(path) as file:
        return np.asarray(file["Conv1"]["Conv1"]["kernel:0"])


def test_the_stem_gives_the_picture_that_mobilenet_expects(model: Any, tensorflow: Any) -> None:
    digit = np.zeros((1, 28, 28, 1), np.float32)
    digit[0, 10:20, 10:20] = 1
    stem = tensorflow.keras.Model(model.input, model.get_layer("stem_colour").output)
    picture = stem(digit).numpy()
    assert picture.shape == (1, 64, 64, 3)
    assert picture.min() == -1  # background, 2 · 0 − 1
    assert picture.max() == 1  # ink, 2 · 1 − 1
    assert (
        picture[0, 2 * (10 + 2) + 1, 2 * (10 + 2) + 1] == 1
    ).all()  # framed by 2, twice as large


def test_weights_are_loaded_then_trained_then_exported(
    model: Any, published: Path, monkeypatch: pytest.MonkeyPatch, tensorflow: Any
) -> None:
    from edge_hdr.architectures.mobilenet import load_imagenet
    from edge_hdr.data.strokes import make_split
    from edge_hdr_device.interpreter import open_interpreter

    digits = make_split(10, seed=3, workers=1)
    monkeypatch.setenv("KERAS_HOME", str(published.parents[1]))
    head = model.get_layer("logits").get_weights()[0].copy()
    assert not np.array_equal(model.get_layer("Conv1").get_weights()[0], first_kernel(published))
    load_imagenet(model)
    loaded = model.get_layer("Conv1").get_weights()[0]
    np.testing.assert_array_equal(loaded, first_kernel(published))
    np.testing.assert_array_equal(model.get_layer("logits").get_weights()[0], head)

    images = digits.images[..., np.newaxis].astype(np.float32) / 255
    with tensorflow.GradientTape() as tape:
        losses = tensorflow.nn.sparse_softmax_cross_entropy_with_logits(
            digits.labels, model(images, training=True)
        )
    weights = model.trainable_variables
    for weight, slope in zip(weights, tape.gradient(losses, weights), strict=True):
        assert np.isfinite(slope.numpy()).all()
        weight.assign_sub(0.001 * slope)
    assert not np.array_equal(model.get_layer("Conv1").get_weights()[0], loaded)

    interpreter = open_interpreter(converted(model, tensorflow))
    for image, logits in zip(images, model(images).numpy(), strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[np.newaxis])
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(found[0], logits, atol=1e-3)


def test_weights_are_fetched_once(
    model: Any,
    published: Path,
    server: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from edge_hdr.architectures.mobilenet import load_imagenet

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    load_imagenet(model)
    assert (tmp_path / "models" / NAME).read_bytes() == published.read_bytes()
    assert server == [f"/{NAME}"]
    np.testing.assert_array_equal(
        model.get_layer("Conv1").get_weights()[0], first_kernel(published)
    )


def test_offline_it_says_where_to_put_the_file(
    model: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from edge_hdr.architectures import mobilenet

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(mobilenet, "ADDRESS", "http://127.0.0.1:9/")  # refuses at once
    with pytest.raises(UnreachableError, match="no ImageNet weights") as caught:
        mobilenet.load_imagenet(model)
    assert f"put it at {tmp_path / 'models' / NAME}" in caught.value.hint


def test_a_damaged_file_is_named(
    model: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from edge_hdr.architectures.mobilenet import load_imagenet

    path = tmp_path / "models" / NAME
    path.parent.mkdir()
    path.write_bytes(b"an error page")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(DataError, match="holds no weights of MobileNetV2 at 35 %"):
        load_imagenet(model)


def test_other_models_and_widths_are_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_hdr.architectures import mobilenet
    from edge_hdr.architectures.mlp import mlp

    with pytest.raises(ConfigError, match="no ImageNet weights for mlp"):
        mobilenet.load_imagenet(mlp((8,)))
    monkeypatch.setattr(mobilenet, "PUBLISHED_PERCENT", (50, 75))  # as if 35 were not published
    with pytest.raises(ConfigError, match="for a width of 35 %") as caught:
        mobilenet.load_imagenet(model)
    assert caught.value.hint.endswith("one of 50, 75")


def converted(model: Any, tensorflow: Any) -> bytes:
    """Convert as `export` does, but without the detour by a saved model, which takes 20 s."""
    from edge_hdr.export import verify_interface
    from edge_hdr.slim import slim

    shape = tensorflow.TensorSpec((1, 28, 28, 1), tensorflow.float32)
    function = tensorflow.function(model).get_concrete_function(shape)
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.experimental_lower_to_saved_model = False
    with native_output_hidden():
        flatbuffer = slim(bytes(converter.convert()))
    verify_interface(flatbuffer, "float32")
    return flatbuffer
