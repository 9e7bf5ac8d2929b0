"""What a build is exposed to: how much, from which digits, and when not at all."""

from __future__ import annotations

from edge_hdr.config import BuildConfig
from edge_hdr.data.dataset import DIGITS, Progress, Split
from edge_hdr.exposure.gather import gather
from edge_hdr.exposure.keep import kept
from edge_hdr.exposure.material import Exposure

VALIDATION_SEED = 1_000_003  # added to a build's, so that validation has scenes of its own


def for_training(
    train: Split, config: BuildConfig, classes: tuple[str, ...], progress: Progress | None = None
) -> Exposure:
    """Gather what is mixed into a build's training examples.

    Args:
        train: the examples that may be learnt from; as many are found in scenes at most.
        config: numbers and seed.
        classes: nothing is gathered where they are not the digits 0 to 9, for to others a scene's
            letters may be no non-digits.
        progress: told how many there are.
    """
    if tuple(classes) != DIGITS:
        return Exposure()
    digits, others = (min(n, len(train)) for n in (config.exposure, config.outliers))
    if not digits and not others:
        return Exposure()
    return kept(
        lambda: gather(train, digits=digits, others=others, seed=config.seed, progress=progress),
        "train", train.sha256(), digits, others, config.seed,
    )  # fmt: skip


def for_validation(
    validation: Split,
    config: BuildConfig,
    classes: tuple[str, ...],
    progress: Progress | None = None,
) -> Exposure:
    """Gather the scenes on which temperature and threshold are chosen, clutter as it comes.

    Args:
        validation: as many of their digits are found again in scenes of their own.
        config: seed; without exposure there are no scenes either.
        classes: see `for_training`.
        progress: told how many there are.
    """
    digits = min(config.exposure, len(validation))
    if tuple(classes) != DIGITS or not digits:
        return Exposure()
    seed = config.seed + VALIDATION_SEED
    return kept(
        lambda: gather(validation, digits=digits, others=None, seed=seed, progress=progress),
        "validation", validation.sha256(), digits, seed,
    )  # fmt: skip
