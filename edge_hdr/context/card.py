"""The card that lies beside the net: how it was made, and what it costs and spares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge_hdr.context.threshold import LOSS, Share
from edge_hdr.evaluate import wilson_interval
from edge_hdr.report.numbers import interval
from edge_hdr_device import released
from edge_hdr_device.context import ZOOM


@dataclass(frozen=True)
class Made:
    """How a net was made and how well it does.

    Attributes:
        command: that made it.
        scenes: number and seed of the scenes that it learnt from.
        held_out: the same of those on which its threshold was chosen.
        seed: of weights, order and augmentation.
        learnt: regions that it learnt from.
        others: how many of them are no digits.
        auroc: of the file, on the scenes held out.
        float_auroc: of the net before it was quantized.
        shares: what the file vetoes there, see `edge_hdr.context.threshold.shares`.
    """

    command: str
    scenes: tuple[int, int]
    held_out: tuple[int, int]
    seed: int
    learnt: int
    others: int
    auroc: float
    float_auroc: float
    shares: Mapping[str, Share]


def card(made: Made) -> str:
    """Write the card as Markdown."""
    return f"""# The context net

Looks at each located region with its surroundings, {ZOOM} times its longer side, and vetoes what
is no digit: pieces of printed grids, frames, rings, letters within words. Input int8 (N, 32, 32,
2): grey levels, mean and contrast taken out, and the region's box. Output int8 (N, 1), a logit; a
region below 0 is left out. Regions that fill a picture are not shown to it.

## How it was made

    {made.command}

- From generated scenes written with MNIST's digits (Y. LeCun, C. Cortes and C. J. C. Burges,
  CC BY-SA 3.0) and `strokes`. No real photo was learnt from, and no test digit was used.
- Learnt from {made.learnt:,} regions, {made.others:,} of them no digits, of {_scenes(made.scenes)}
  of training digits; every second scene has clutter for certain. Seed of the training: {made.seed}.
- Its threshold was chosen on {_scenes(made.held_out)} of validation digits to cost
  {100 * LOSS:.1f} % of the digits that `{released.DEFAULT}` accepts; it is made again after that.
- Licence of this file: Apache-2.0.

## What it does

On the scenes on which its threshold was chosen, so that what it costs is what it was set to; one
seed; intervals take regions for independent, which those of one scene are not. Two of five scenes
are moderate, two hard, one mild. AUROC of digits against others: {made.auroc:.4f}, before
quantization {made.float_auroc:.4f}.

| regions | vetoed | of | share | 95 % |
|---|--:|--:|--:|--:|
{chr(10).join(_rows(made.shares))}

Accepted are those that may be one digit and that `{released.DEFAULT}` accepts.

## Limits

It knows only what is drawn around digits in these scenes: what it costs on real photos is not known
from these figures.
"""


def _scenes(drawn: tuple[int, int]) -> str:
    count, seed = drawn
    return f"{count:,} scenes (seed {seed})"


def _rows(shares: Mapping[str, Share]) -> Iterator[str]:
    for name, share in shares.items():
        cells = ["–", "–"]
        if share.count:
            ends = [*wilson_interval(share.vetoed, share.count)]
            cells = [f"{100 * share.vetoed / share.count:.2f} %", interval(ends, share.count)]
        yield f"| {name} | {share.vetoed:,} | {share.count:,} | {' | '.join(cells)} |"
