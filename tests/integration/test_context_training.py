from __future__ import annotations

import numpy as np
import pytest

from edge_hdr.context.material import Material
from edge_hdr.context.threshold import auroc
from edge_hdr_device.context import Context

pytestmark = [pytest.mark.train, pytest.mark.slow]


def marked(count: int) -> Material:
    """Noise, with a dark spot in the middle of every digit's."""
    rng = np.random.default_rng(2)
    seen = rng.integers(-40, 41, (count, 32, 32, 2)).astype(np.int8)
    digit = np.arange(count) % 2 == 0
    seen[digit, 12:20, 12:20, 0] = -120
    return Material(seen, digit, np.ones(count, bool), np.zeros(count, np.int64))


def test_a_net_learns_and_is_lowered_and_becomes_a_small_int8_file() -> None:
    from edge_hdr import training_context

    material = marked(256)
    model = training_context.train(material, epochs=12)
    for layer in model.layers:
        if hasattr(layer, "momentum"):
            layer.momentum = 0.5  # 24 steps are too few for the norms to settle at their own pace
    for _ in range(12):
        model(material.real(), training=True)
    plain = np.asarray(model.predict(material.real(), verbose=0))[:, 0]
    assert auroc(plain, material.digit) > 0.9
    training_context.lower(model, 2.0)
    lowered = np.asarray(model.predict(material.real(), verbose=0))[:, 0]
    assert np.allclose(lowered, plain - 2.0, atol=1e-4)
    content = training_context.to_int8(model, material)
    assert len(content) < 12_000
    scores = Context(content).scores(material.seen)
    assert np.corrcoef(scores, lowered)[0, 1] > 0.9
    assert abs(scores.mean() - lowered.mean()) < 0.1 * np.ptp(lowered)
