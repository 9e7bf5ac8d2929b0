"""Train the net that vetoes regions by their surroundings, and put it into models/context.

    python scripts/make_context.py [--scenes 2400] [--validation 600] [--epochs 15] [--out FOLDER]

It learns from scenes that are written with MNIST's training digits and looked at as on a device;
its threshold is chosen on scenes of validation digits. It takes about ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from edge_hdr.context.gather import Sights, gather
from edge_hdr.context.keep import kept
from edge_hdr.context.material import Material
from edge_hdr.context.threshold import LOSS, auroc, shares, threshold
from edge_hdr.scenes.folder import digits_of
from edge_hdr_device.context import Context, path
from edge_hdr_device.storage import write_atomic

SEEDS = {"train": 11, "validation": 12}


def main() -> None:
    """Gather, train, choose the threshold, convert, and write the file and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=2400)
    parser.add_argument("--validation", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--out", type=Path, default=path().parent)
    options = parser.parse_args()
    train = looked_at("train", options.scenes)
    validation = looked_at("validation", options.validation)
    content, figures = make(train, validation, options.epochs)
    options.out.mkdir(parents=True, exist_ok=True)
    write_atomic(options.out / path().name, content)
    write_atomic(options.out / "CARD.md", card(figures, options))
    print(f"{options.out / path().name}: {len(content):,} bytes")
    print(*figures, sep="\n")


def looked_at(part: str, scenes: int) -> Material:
    """Gather material of a part of MNIST's digits; that of training has more clutter."""
    sights = Sights(digits_of("mnist", part), SEEDS[part], cluttered=part == "train")
    facts = part, sights.digits.sha256(), sights.seed, scenes
    return kept(lambda: gather(sights, scenes, progress=tell), *facts)


def tell(what: str, done: int, total: int | None) -> None:
    """Tell on the terminal how far the work is."""
    print(f"\r{what}: {done} of {total} ", end="", file=sys.stderr, flush=True)


def make(train: Material, validation: Material, epochs: int) -> tuple[bytes, list[str]]:
    """Train a net and give its int8 file, whose veto begins below 0, with its figures."""
    from edge_hdr import training_context as training

    model = training.train(train, epochs=epochs)
    plain = Context(training.to_int8(model, train)).scores(validation.seen)
    training.lower(model, threshold(plain, validation))
    content = training.to_int8(model, train)
    scores = Context(content).scores(validation.seen)
    floats = model.predict(validation.real(), batch_size=512, verbose=0)[:, 0]
    counts = f"{len(train):,} regions to learn from, {int((~train.digit).sum()):,} of them none"
    return content, [
        f"- {counts}",
        f"- AUROC {auroc(scores, validation.digit):.4f}, "
        f"of the float net {auroc(np.asarray(floats), validation.digit):.4f}",
        *(f"- vetoed of {name}: {share}" for name, share in shares(scores < 0, validation).items()),
    ]


def card(figures: list[str], options: argparse.Namespace) -> str:
    """Write the card that lies beside the file."""
    counts = f"--scenes {options.scenes} --validation {options.validation}"
    lines = [
        "# The context net",
        "",
        "Looks at each located region with its surroundings, 2.25 times its longer side, and",
        "vetoes what is no digit: pieces of printed grids, frames, rings, letters within words.",
        "Input int8 (N, 32, 32, 2): grey levels, mean and contrast taken out, and the region's",
        "box. Output int8 (N, 1), a logit; a region below 0 is left out.",
        "",
        f"Made by `python scripts/make_context.py {counts} --epochs {options.epochs}` from",
        "generated scenes written with MNIST's training digits and `strokes` (MNIST: Y. LeCun,",
        "C. Cortes, CC BY-SA 3.0). No real photo was learnt from. The threshold costs at most",
        f"{100 * LOSS:.1f} % of the digits that the released classifier accepts, on scenes of",
        "validation digits, on which these figures are too:",
        "",
        *figures,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
