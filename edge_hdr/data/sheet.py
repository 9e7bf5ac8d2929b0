"""Write lines of digits on a sheet of paper, photographed, with exact boxes for each digit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.hand import Hands, draw_hands
from edge_hdr.data.render import Ink, draw_ink, margin_px, rasterize
from edge_hdr.data.strokes import Glyph, pick_allographs, write_glyphs
from edge_hdr_device.errors import UsageError

Color = tuple[int, int, int]
Box = tuple[str, int, int, int, int]

PENS: tuple[Color, ...] = ((96, 48, 24), (140, 60, 30), (40, 36, 34), (60, 58, 60), (70, 40, 50))
BOX_LEVEL = 64  # a quarter of full ink belongs to the digit's box
SPACE = 0.75  # width of a space, in heights of a digit
SHARP = 0.35  # of the bleeding that the small digits of a form show
PITCH = 1.75  # from one line to the next, in heights of a digit


@dataclass(frozen=True)
class Sheet:
    """A picture of written numbers and what is written where.

    Attributes:
        image: uint8 (H, W, 3), BGR, dark ink on light paper.
        boxes: (label, x, y, width, height) in px for each digit, in reading order.
        lines: the text of each line.
    """

    image: NDArray[np.uint8]
    boxes: list[Box]
    lines: list[str]


@dataclass(frozen=True)
class _Placed:
    """A glyph with the place of its origin, in px, on the sheet."""

    glyph: Glyph
    x: float
    y: float


def write_sheet(
    lines: list[str],
    *,
    seed: int,
    width_px: int = 1280,
    digit_px: int | None = None,
    gap: float = 0.25,
    pen: Color | None = None,
    paper: Color | None = None,
    shade: float = 0.25,
    noise: float = 2.0,
    grey: bool = False,
) -> Sheet:
    """Write lines of digits in one person's hand, as a camera would see them.

    Args:
        lines: text of digits and spaces.
        seed: the same seed and arguments give the same bytes.
        width_px: width of the picture, ≥ 64; its height follows from the lines.
        digit_px: height of a digit; None for one eleventh of the width, or less where the longest
            line needs it.
        gap: space between the boxes of neighbours, in heights of a digit; below 0 they overlap.
        pen: BGR; None draws one of a few pens.
        paper: BGR; None draws a light tone.
        shade: how much darker the darkest corner is than the lightest, 0 to 1.
        noise: standard deviation of the camera's noise, in grey levels.
        grey: give the three channels the same values.

    Raises:
        UsageError: a line holds something else than digits and spaces, or does not fit.
    """
    _check(lines)
    rng = np.random.default_rng(seed)
    written = _write_lines(lines, rng)
    margin = width_px // 16
    units = max([_line_units(glyphs, gap) for glyphs in written] or [0.0])
    height = _digit_height(units, width_px - 2 * margin, digit_px or width_px // 11, digit_px)
    placed = _lay_out(written, height, margin, gap, rng)
    size = (round(2 * margin + (max(len(lines), 1) - 1) * PITCH * height + height), width_px)
    drawn = draw_ink(rng)
    ink, boxes = _draw(placed, size, height, replace(drawn, bleed=SHARP * drawn.bleed), rng)
    image = _photograph(ink, _pick_pen(pen, rng), _pick_paper(paper, rng), shade, noise, rng)
    if grey:
        luma = image.astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32)
        image = np.repeat(np.rint(luma).astype(np.uint8)[..., None], 3, axis=2)
    return Sheet(image, boxes, list(lines))


def _check(lines: list[str]) -> None:
    """Raise UsageError unless every line is made of the digits 0 to 9 and spaces."""
    for line in lines:
        strange = sorted(set(line) - set("0123456789 "))
        if strange:
            raise UsageError(
                f"cannot write {strange[0]!r} of the line {line!r}",
                hint="a sheet holds the digits 0 to 9 and spaces",
            )


def _write_lines(lines: list[str], rng: np.random.Generator) -> list[list[Glyph | None]]:
    """Write every character in one hand, None for a space; a digit keeps its allograph."""
    person = _settle(draw_hands(rng, 1), rng)
    kinds = [pick_allographs(digit, 1, rng) for digit in range(10)]
    return [
        [
            None
            if char == " "
            else write_glyphs(int(char), kinds[int(char)], _today(person, rng), rng)[0]
            for char in line
        ]
        for line in lines
    ]


def _settle(person: Hands, rng: np.random.Generator) -> Hands:
    """Give a hand the care of a person who writes figures to be read, and a common pen."""
    return replace(
        person,
        slant=0.6 * person.slant,
        stretch=0.6 * person.stretch,
        bend=0.5 * person.bend,
        jitter=0.45 * person.jitter,
        overshoot=0.6 * person.overshoot,
        tremor=0.6 * person.tremor,
        width=rng.uniform(0.07, 0.13, 1),
    )


def _today(person: Hands, rng: np.random.Generator) -> Hands:
    """Vary a hand as it varies from one digit to the next."""
    return replace(
        person,
        slant=person.slant + 0.03 * rng.standard_normal(1),
        stretch=person.stretch + 0.05 * rng.standard_normal(1),
        turn=0.4 * person.turn + 0.02 * rng.standard_normal(1),
        quickness=np.clip(person.quickness + 0.1 * rng.standard_normal(1), 0.0, 1.0),
    )


def _line_units(glyphs: list[Glyph | None], gap: float) -> float:
    """Give the width of a line, in heights of a digit."""
    width = 0.0
    for glyph in glyphs:
        low, high = glyph.bounds() if glyph else (np.zeros(2), np.array([SPACE, 0.0]))
        width += float(high[0] - low[0]) + gap
    return width


def _digit_height(units: float, room: int, wanted: int, fixed: int | None) -> float:
    """Give the height of a digit in px at which the longest line fits the room."""
    most = room / units if units > 0 else float(wanted)
    if (fixed and most < fixed) or most < 8:
        raise UsageError(
            f"a line does not fit: its digits can be {int(most)} px high at most",
            hint="use a wider sheet, shorter lines or smaller digits",
        )
    return min(float(wanted), most)


def _lay_out(
    written: list[list[Glyph | None]],
    height: float,
    margin: int,
    gap: float,
    rng: np.random.Generator,
) -> list[_Placed]:
    """Put glyphs side by side on lines that rise or fall a little."""
    placed = []
    for row, glyphs in enumerate(written):
        x, slope = float(margin), 0.008 * rng.standard_normal()
        for glyph in glyphs:
            if glyph is None:
                x += (SPACE + gap) * height
                continue
            low, high = glyph.bounds()
            wobble = 0.03 * rng.standard_normal() * height
            y = margin + (row * PITCH + 0.5) * height - slope * x + wobble
            placed.append(_Placed(glyph, x - float(low[0]) * height, y))
            x += (float(high[0] - low[0]) + gap) * height
    return placed


def _draw(
    placed: list[_Placed],
    size: tuple[int, int],
    height: float,
    ink: Ink,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], list[Box]]:
    """Give the ink of the whole sheet, uint8 (H, W), and the box of every digit."""
    whole = max(1, round(height))
    margin = margin_px(ink, whole)
    field = np.zeros(size, np.uint8)
    boxes = []
    for item in placed:
        patch = rasterize(item.glyph, height_px=whole, ink=ink, rng=rng)
        low, _ = item.glyph.bounds()
        left, top = (round(v) - margin for v in (item.x + low[0] * whole, item.y + low[1] * whole))
        target, inside = _overlap(field, patch, left, top)
        np.maximum(target, inside, out=target)
        rows, columns = np.nonzero(inside >= BOX_LEVEL)
        if len(rows):
            x, y = max(left, 0) + int(columns.min()), max(top, 0) + int(rows.min())
            box = (x, y, int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
            boxes.append((str(item.glyph.digit), *box))
    return field, boxes


def _overlap(
    field: NDArray[np.uint8], patch: NDArray[np.uint8], left: int, top: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give the views of field and patch that cover each other when the patch lies at a place."""
    skip_x, skip_y = max(-left, 0), max(-top, 0)
    target = field[top + skip_y : top + patch.shape[0], left + skip_x : left + patch.shape[1]]
    inside = patch[skip_y : skip_y + target.shape[0], skip_x : skip_x + target.shape[1]]
    return target, inside


def _pick_pen(pen: Color | None, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give a pen's color, float32 (3,) BGR."""
    drawn = PENS[int(rng.integers(len(PENS)))]
    return np.array(pen or drawn, np.float32)


def _pick_paper(paper: Color | None, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give a paper's color, float32 (3,) BGR: white to cream."""
    tone, warmth = rng.uniform(222, 246), rng.uniform(0, 12)
    return np.array(paper or (tone - warmth, tone, tone + 2), np.float32)


def _photograph(
    ink: NDArray[np.uint8],
    pen: NDArray[np.float32],
    paper: NDArray[np.float32],
    shade: float,
    noise: float,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Put ink on paper under uneven light, through a lens, onto a noisy sensor."""
    import cv2

    cover = cv2.GaussianBlur(ink, (3, 3), 0.6).astype(np.float32)[..., None] * (0.94 / 255.0)
    light = _light(ink.shape, shade, rng)[..., None]
    image = (paper + cover * (pen - paper)) * light
    image += noise * rng.standard_normal(image.shape, np.float32)
    photograph: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return photograph


def _light(shape: tuple[int, ...], shade: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give the light on the paper, float32 (H, W), from 1 − shade to 1: a slope and a curve."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    bright = np.cos(angle) * x + np.sin(angle) * y - 0.4 * (x * x + y * y)
    span = float(np.ptp(bright)) or 1.0
    light: NDArray[np.float32] = 1.0 - shade * (bright.max() - bright) / np.float32(span)
    return light
