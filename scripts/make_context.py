"""Train the net that vetoes regions by their surroundings, and put it into models/context.

It learns from scenes that are written with MNIST's training digits and looked at as on a device;
its threshold is chosen on scenes of validation digits by what the released ds-cnn-small-int8
accepts, so it is made again after that model. Scenes that were drawn once are kept in the cache.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_hdr.context.card import Made, card
from edge_hdr.context.gather import Sights, classifier_path, gather
from edge_hdr.context.keep import kept
from edge_hdr.context.material import Material
from edge_hdr.context.threshold import auroc, shares, threshold
from edge_hdr.errors import EdgeHdrError
from edge_hdr.scenes.folder import digits_of
from edge_hdr_device.context import Context, path
from edge_hdr_device.manifest import read_file
from edge_hdr_device.storage import write_atomic

SEEDS = {"train": 11, "validation": 12}
SEED = 0  # of weights, order and augmentation


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    settings = (
        ("--scenes", 8000, "scenes to learn from"),
        ("--validation", 1200, "scenes on which the threshold is chosen"),
        ("--epochs", 12, "passes over what is learnt from"),
    )
    for name, default, text in settings:
        parser.add_argument(name, type=number, default=default, help=f"{text} ({default})")
    parser.add_argument(
        "--out", type=Path, default=path().parent, help="folder for the file and its card"
    )
    return parser.parse_args()


def number(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def make(options: argparse.Namespace) -> None:
    """Gather, train, choose the threshold, convert, and write the file and its card."""
    from edge_hdr.training_setup import prepare

    prepare(SEED)
    train = looked_at("train", options.scenes)
    validation = looked_at("validation", options.validation)
    content, floats = trained(train, validation, options.epochs)
    scores = Context(content).scores(validation.seen)
    made = Made(
        command=f"python scripts/make_context.py --scenes {options.scenes} "
        f"--validation {options.validation} --epochs {options.epochs}",
        scenes=(options.scenes, SEEDS["train"]),
        held_out=(options.validation, SEEDS["validation"]),
        seed=SEED,
        learnt=len(train),
        others=int((~train.digit).sum()),
        auroc=auroc(scores, validation.digit),
        float_auroc=auroc(floats, validation.digit),
        shares=shares(scores < 0, validation),
    )
    write_atomic(options.out / path().name, content)
    write_atomic(options.out / "CARD.md", card(made))
    print(f"{options.out / path().name}: {len(content):,} bytes, AUROC {made.auroc:.4f}")


def looked_at(part: str, scenes: int) -> Material:
    """Gather material of a part of MNIST's digits; that of training has more clutter."""
    sights = Sights(digits_of("mnist", part), SEEDS[part], cluttered=part == "train")
    classifier = hashlib.sha256(read_file(classifier_path())).hexdigest()
    facts = part, sights.digits.sha256(), sights.seed, scenes, classifier
    return kept(lambda: gather(sights, scenes, progress=tell), *facts)


def trained(
    train: Material, validation: Material, epochs: int
) -> tuple[bytes, NDArray[np.float32]]:
    """Train a net; gives its int8 file, whose veto begins below 0, and the float net's scores."""
    from edge_hdr import training_context as training

    model = training.train(train, epochs=epochs, seed=SEED, progress=tell)
    plain = Context(training.to_int8(model, train)).scores(validation.seen)
    training.lower(model, threshold(plain, validation))
    floats = model.predict(validation.real(), batch_size=512, verbose=0)[:, 0]
    return training.to_int8(model, train), np.asarray(floats, np.float32)


def tell(what: str, done: int, total: int | None) -> None:
    """Tell on a terminal how far the work is."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{what}: {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)


def main() -> int:
    """Run from the command line; gives the exit code."""
    try:
        make(parse())
    except EdgeHdrError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
