"""Training parts in one process: augmentation, schedule, early stop, pruning, export checks."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_hdr.data.dataset import Split
from edge_hdr.errors import CheckFailedError, ConfigError

pytestmark = [pytest.mark.train, pytest.mark.slow]


class Silent:
    """Take progress and keep the rows."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def start(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        self.started = (phase, epochs, steps, done)

    def step(self, loss: float) -> None:
        assert np.isfinite(loss)

    def epoch(self, row: dict[str, Any]) -> None:
        self.rows.append(row)


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
def digits() -> Split:
    from edge_hdr.data.strokes import make_split

    return make_split(400, seed=3, workers=1)


def images(digits: Split) -> np.ndarray:
    return digits.images[:64, ..., np.newaxis].astype(np.float32) / 255


def test_the_same_seed_augments_alike_and_another_one_does_not(
    digits: Split, tensorflow: Any
) -> None:
    from edge_hdr.data.augment import Augmentation, augment

    batch, how = images(digits), Augmentation(elastic_px=1.0)
    first, again, other = (
        augment(batch, tensorflow.constant(seed), how).numpy() for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01
    assert first.shape == batch.shape
    assert first.min() >= 0
    assert first.max() <= 1


def test_no_range_is_no_change(digits: Split, tensorflow: Any) -> None:
    from edge_hdr.data.augment import Augmentation, augment

    still = Augmentation(
        rotation_deg=0, shift_px=0, scale=0, shear=0, stroke=0, elastic_px=0, clean_share=0
    )
    found = augment(images(digits), tensorflow.constant([5, 6]), still).numpy()
    np.testing.assert_allclose(found, images(digits), atol=1e-5)


def test_the_clean_share_stays_as_it_is(digits: Split, tensorflow: Any) -> None:
    from edge_hdr.data.augment import Augmentation, augment

    batch = np.repeat(images(digits), 8, axis=0)
    found = augment(batch, tensorflow.constant([5, 6]), Augmentation(clean_share=0.5)).numpy()
    clean = np.mean([np.array_equal(a, b) for a, b in zip(found, batch, strict=True)])
    assert 0.4 < clean < 0.6  # n = 512: five standard deviations


def test_stroke_width_changes_ink_both_ways(digits: Split, tensorflow: Any) -> None:
    from edge_hdr.data.augment import Augmentation, augment

    how = Augmentation(
        rotation_deg=0, shift_px=0, scale=0, shear=0, stroke=0.5, elastic_px=0, clean_share=0
    )
    ink = augment(images(digits), tensorflow.constant([1, 1]), how).numpy().sum(axis=(1, 2, 3))
    before = images(digits).sum(axis=(1, 2, 3))
    assert (ink > before * 1.05).sum() > 10
    assert (ink < before * 0.95).sum() > 10


def test_one_cycle_warms_up_and_ends_at_zero() -> None:
    from edge_hdr.training_recipe import Recipe, rate_at

    recipe = Recipe("float", epochs=10, learning_rate=0.5)
    rates = [rate_at(recipe, 100, step) for step in range(0, 1001, 50)]
    assert rates[0] < 0.01
    assert max(rates) == pytest.approx(0.5, rel=0.02)
    assert rates.index(max(rates)) * 50 == 200  # a fifth of 1,000 steps
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_a_constant_rate_stays() -> None:
    from edge_hdr.training_recipe import Recipe, rate_at

    recipe = Recipe("float", epochs=2, learning_rate=0.01, schedule="constant")
    assert [rate_at(recipe, 10, step) for step in (0, 10, 20)] == pytest.approx([0.01] * 3)


def train(digits: Split, tmp_path: Path, **changes: Any) -> tuple[Any, Silent]:
    from edge_hdr.architectures.registry import build
    from edge_hdr.checkpoint import CheckpointStore
    from edge_hdr.training import fit
    from edge_hdr.training_recipe import Recipe

    model, progress = build("mlp", channels=(16,)), Silent()
    recipe = Recipe("float", **{"epochs": 3, "batch_size": 50, "learning_rate": 0.05, **changes})
    half = np.arange(200)
    fit(
        model,
        recipe,
        digits.take(half),
        digits.take(half + 200),
        store=CheckpointStore(tmp_path),
        progress=progress,
    )
    return model, progress


def test_an_epoch_is_mixed_by_the_shares_and_drawn_anew(digits: Split) -> None:
    from edge_hdr.exposure.material import Exposure
    from edge_hdr.training_input import mix, training_batches
    from edge_hdr.training_recipe import Recipe

    train = digits.take(np.arange(100))
    found = Split(np.full((80, 28, 28), 7, np.uint8), np.full(80, 3))
    exposure = Exposure(found, np.full((20, 28, 28), 9, np.uint8))
    recipe = Recipe("float", epochs=2, batch_size=50, exposure_share=0.5, outlier_share=0.3)
    assert mix(100, exposure, recipe) == [(100, 30), (80, 50), (20, 20)]  # 20 others, not 30
    assert mix(100, Exposure(), recipe) == [(100, 100), (0, 0), (0, 0)]
    batches = iter(training_batches(train, recipe, 0, None, exposure))
    epochs = []
    for _ in range(2):
        images, labels = (np.concatenate(part) for part in zip(*(next(batches) for _ in range(2)),
                                                               strict=True))  # fmt: skip
        assert (labels == -1).sum() == 20
        assert (images[labels == -1] * 255 == 9).all()
        assert (images[..., 0] * 255 == 7).all(axis=(1, 2)).sum() == 50
        epochs.append(images)
    assert not np.array_equal(*epochs)
    resumed = iter(training_batches(train, recipe, 1, None, exposure))
    np.testing.assert_array_equal(np.concatenate([next(resumed)[0] for _ in range(2)]), epochs[1])


def test_damage_hits_its_share_each_way_and_stays_in_range(digits: Split, tensorflow: Any) -> None:
    from edge_hdr.training_degrade import WAYS, degrade

    batch = tensorflow.constant(np.repeat(images(digits), 8, axis=0))
    found, again = (degrade(batch, tensorflow.constant([4, 5]), 0.5).numpy() for _ in range(2))
    np.testing.assert_array_equal(found, again)
    changed = np.abs(found - batch.numpy()).max(axis=(1, 2, 3)) > 1e-3
    assert 0.35 < changed.mean() < 0.6  # n = 512; some damage misses the picture
    assert found.min() >= 0
    assert found.max() <= 1
    for way in WAYS:
        damaged = way(batch, tensorflow.constant([1, 2]))
        assert damaged.shape == batch.shape
        assert np.abs(damaged.numpy() - batch.numpy()).max(axis=(1, 2, 3)).mean() > 0.1
    np.testing.assert_array_equal(degrade(batch, tensorflow.constant([4, 5]), 0.0), batch)


def test_non_digits_teach_to_prefer_no_class(tensorflow: Any) -> None:
    from edge_hdr.training_loss import loss_of, preference
    from edge_hdr.training_recipe import Recipe

    logits = tensorflow.constant([[0.0, 0.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0]])
    even, sure = preference(logits).numpy()
    assert even == pytest.approx(0, abs=1e-6)
    # −mean(log p) − log 4 with p ≈ (1, e⁻⁹, e⁻⁹, e⁻⁹)
    assert sure == pytest.approx(3 * 9 / 4 - np.log(4), abs=1e-3)
    recipe = Recipe("float", epochs=1, batch_size=2, label_smoothing=0.0, outlier_weight=0.5)

    def answer(batch: Any, training: bool) -> Any:
        return logits

    total = loss_of(answer, logits, tensorflow.constant([2, -1]), recipe).numpy()
    assert total == pytest.approx((np.log(4) + 0.5 * sure) / 2, abs=1e-5)


def test_early_stop_keeps_the_epoch_that_was_best_on_validation(
    digits: Split, tmp_path: Path
) -> None:
    from edge_hdr.training import evaluate_model

    model, progress = train(digits, tmp_path, epochs=60, patience=3, ema=0.0, learning_rate=0.2)
    accuracies = [row["val_accuracy"] for row in progress.rows]
    best = int(np.argmax(accuracies))
    assert len(accuracies) == min(60, best + 1 + 3)
    validation = digits.take(np.arange(200, 400))
    assert evaluate_model(model, validation)[1] == pytest.approx(accuracies[best])


def test_a_diverging_run_says_so(digits: Split, tmp_path: Path) -> None:
    with pytest.raises(CheckFailedError, match="training diverged in epoch"):
        train(digits, tmp_path, learning_rate=1e6, epochs=5)


def test_sparsity_of_an_unknown_layer_gets_the_nearest_name() -> None:
    from edge_hdr.architectures.registry import build
    from edge_hdr.compress.prune import layer_sparsity

    model = build("ds-cnn-nano")
    with pytest.raises(ConfigError, match="no prunable layer 'block1_pointwize'") as caught:
        layer_sparsity(model, {"block1_pointwize": 0.5})
    assert "did you mean block1_pointwise?" in caught.value.hint
    shares = layer_sparsity(model, {"*": 0.5, "stem": 0.0})
    assert "stem" not in shares
    assert "logits" not in shares  # only when it is named
    assert shares["block1_pointwise"] == 0.5


def test_builders_have_the_sizes_that_their_widths_say() -> None:
    from edge_hdr.architectures.registry import build

    assert build("mlp").count_params() == 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    norm = 4  # gamma, beta, mean, variance of each channel
    stem = 9 * 4 * 8 + norm * 8  # 3×3 over the four folded pixels
    block = 9 * 8 + norm * 8 + 8 * 8 + norm * 8  # depthwise, pointwise
    head = 49 * 8 + norm * 8 + 8 * 10 + 10
    model = build("ds-cnn-nano", channels=(8, 8, 8, 8))
    assert model.count_params() == stem + 3 * block + head


def test_the_references_have_the_sizes_of_their_sources() -> None:
    from edge_hdr.architectures.registry import build

    lenet = (25 + 1) * 6 + (25 * 6 + 1) * 16 + (400 + 1) * 120 + (120 + 1) * 84 + 85 * 10
    assert build("lenet5").count_params() == lenet
    assert build("lenet5", channels=(6, 16, 120)).count_params() == lenet - 121 * 84 - 850 + 1210
    column = (16 + 1) * 20 + (25 * 20 + 1) * 40 + (9 * 40 + 1) * 150 + 151 * 10  # 29→26→13→9→3
    assert build("ciresan").count_params() == column
    # 24×24×32, pooled to 12×12, then 8×8×64
    assert build("cnn5").count_params() == 26 * 32 + (25 * 32 + 1) * 64 + (4096 + 1) * 128 + 1290
    norm = 4
    light = 9 * 8 + norm * 8 + 2 * (9 * 8 + norm * 8 + 8 * 8 + norm * 8) + 9 * 10
    assert build("light-cnn", channels=(8, 8, 8)).count_params() == light
    stage = 2 * (9 * 8 * 8 + norm * 8)
    shortcut = 8 * 8 + norm * 8
    assert build("resnet", channels=(8, 8)).count_params() == (
        9 * 8 + norm * 8 + 2 * stage + shortcut + 90
    )
    convolutions = 10 * 4 + (36 + 1) * 4 + 3 * (36 + 1) * 4  # five of 3×3, the first from grey
    dense = (9 * 4 + 1) * 8 + 9 * 8 + 90  # 28→14→7→3
    assert build("alexnet", channels=(4, 4, 4, 4, 4, 8, 8)).count_params() == convolutions + dense


def test_an_int8_file_with_another_input_scale_is_refused(digits: Split) -> None:
    from edge_hdr.architectures.registry import build
    from edge_hdr.export import export, verify_interface

    model = build("mlp", channels=(8,))
    faint = (digits.images[:20] // 2).astype(np.uint8)  # never full ink
    with pytest.raises(CheckFailedError, match="input has scale"):
        export(model, "int8-ptq", faint)
    plain = export(model, "float32", digits.images[:20])
    with pytest.raises(CheckFailedError, match="input is float32, not int8"):
        verify_interface(plain, "int8")
