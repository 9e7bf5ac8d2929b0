"""An explanation as one PNG sheet, a band for each digit, for the closest decisions of many."""

from __future__ import annotations

import textwrap
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain import words
from edge_hdr.explain.explanation import Explanation
from edge_hdr.explain.heat import outline
from edge_hdr.explain.nearest import Example
from edge_hdr.explain.page import maps
from edge_hdr.explain.scene import Naming, Scene
from edge_hdr_device.annotate import encode

DPI = 100
MARGIN_PX, GAP_PX = 32, 14
TILE, SMALL = 5, 3  # enlargement of a crop, and of a training example
TILE_PX, SMALL_PX = 28 * TILE, 28 * SMALL
TILES = 8  # photo, crop, four maps, gradients, least change
WIDTH_PX = 2 * MARGIN_PX + TILES * TILE_PX + (TILES - 1) * GAP_PX
MOST, BROAD = 12, 5  # digits on a sheet; from how many on it has two columns
HEAD_PX = 92
TOLD_PX, LINE_PX, LINE_LETTERS = 42, 20, 165  # where a digit's sentences begin; a line of them
PICTURES_PX = 200  # height of the tiles with their captions
EXAMPLES_PX = SMALL_PX + 56
RIVALS_LEFT_PX = MARGIN_PX + 8 * (SMALL_PX + GAP_PX) + 2 * GAP_PX
PAPER, INK, SOFT, LINE = "#f6f7f9", "#1b2330", "#5a6573", "#d5dbe2"


@dataclass
class _Canvas:
    """Pixels that pictures are put on, and the words that come on top.

    Attributes:
        pixels: uint8 (H, W, 3), BGR.
        texts: x, y (of the top) in px, words, size in px, colour, weight.
    """

    pixels: NDArray[np.uint8]
    texts: list[tuple[float, float, str, float, str, str]] = field(default_factory=list)

    def put(self, image: NDArray[np.uint8], left: int, top: int) -> None:
        """Put uint8 (h, w) grey or (h, w, 3) BGR at a place."""
        height, width = image.shape[:2]
        colour = image[..., None] if image.ndim == 2 else image
        self.pixels[top : top + height, left : left + width] = colour

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        px: float = 13,
        colour: str = INK,
        bold: bool = False,
    ) -> None:
        """Write words, their top left at a place."""
        self.texts.append((x, y, text, px, colour, "bold" if bold else "normal"))

    def drawn(self) -> NDArray[np.uint8]:
        """Give the pixels with the words on them, uint8 (H, W, 3), BGR."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        height, width = self.pixels.shape[:2]
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="none")
        for x, y, text, px, colour, weight in self.texts:
            figure.text(
                x / width, 1 - y / height, text, fontsize=px * 72 / DPI, color=colour,
                weight=weight, va="top", ha="left", parse_math=False,
            )  # fmt: skip
        agg: Any = FigureCanvasAgg(figure)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box
            agg.draw()
        words = np.asarray(agg.buffer_rgba()).astype(np.float32)
        depth = words[..., 3:] / 255
        return np.asarray(np.rint(self.pixels * (1 - depth) + words[..., 2::-1] * depth), np.uint8)


def shown(scene: Scene) -> tuple[Explanation, ...]:
    """Give what a sheet has room for: all, or the `MOST` closest decisions in reading order."""
    closest = sorted(scene.found, key=lambda found: found.lead_nats)[:MOST]
    return tuple(sorted(closest, key=lambda found: found.case.number))


def draw_sheet(scene: Scene) -> bytes:
    """Draw the explanations of a scene, of many digits those that `shown` gives; a PNG file."""
    told = [(found, _lines(found, scene.naming)) for found in shown(scene)]
    lines = max(len(text) for _, text in told)
    bands = [_band(found, text, scene.naming, lines).drawn() for found, text in told]
    columns = 2 if len(bands) >= BROAD else 1
    bands += [_blank(len(bands[0])).pixels] * (-len(bands) % columns)
    head = _blank(HEAD_PX, columns)
    head.write(MARGIN_PX, 26, f"{Path(scene.name).name} explained", px=22, bold=True)
    head.write(MARGIN_PX, 58, _subtitle(scene), colour=SOFT)
    rows = [
        np.concatenate(bands[start : start + columns], axis=1)
        for start in range(0, len(bands), columns)
    ]
    foot = _blank(MARGIN_PX // 2, columns).pixels
    return encode(np.concatenate([head.drawn(), *rows, foot]), ".png")


def _blank(height_px: int, columns: int = 1) -> _Canvas:
    return _Canvas(np.full((height_px, columns * WIDTH_PX, 3), _bgr(PAPER), np.uint8))


def _subtitle(scene: Scene) -> str:
    count = len(scene.found)
    some = f" · the {MOST} closest decisions of {count} digits" if count > MOST else ""
    examples = (
        f" · {scene.data['n']:,} training examples of {scene.data['name']}" if scene.data else ""
    )
    return (
        f"{scene.model['name']}{some}{examples} · blue argues for, orange against; "
        "full colour is the strongest place of a map"
    )


def _lines(found: Explanation, naming: Naming) -> list[str]:
    """Say everything in lines that a band has room for."""
    said = words.sentences(found, naming)
    whole = (" ".join(said[:2]), *said[2:])
    return [line for text in whole for line in textwrap.wrap(text, LINE_LETTERS)]


def _band(found: Explanation, told: list[str], naming: Naming, lines: int) -> _Canvas:
    """Draw one digit, with room for as many lines of text."""
    row = TOLD_PX + LINE_PX * lines + 10
    canvas = _blank(row + PICTURES_PX + (EXAMPLES_PX if found.likeness else 0))
    canvas.pixels[0, MARGIN_PX:-MARGIN_PX] = _bgr(LINE)
    title = f"Digit {found.case.number}: {naming.labels[found.label]}"
    canvas.write(MARGIN_PX, 14, title, px=17, bold=True)
    for line, text in enumerate(told):
        canvas.write(MARGIN_PX, TOLD_PX + LINE_PX * line, text)
    for place, (image, title, text) in enumerate(_tiles(found, naming)):
        left = MARGIN_PX + place * (TILE_PX + GAP_PX)
        canvas.put(image, left, row)
        canvas.write(left, row + TILE_PX + 6, title, px=12, bold=True)
        canvas.write(left, row + TILE_PX + 23, text, px=10.5, colour=SOFT)
    if found.likeness is not None:
        row += PICTURES_PX
        name = naming.labels[found.runner_up]
        _draw_examples(canvas, found.likeness.nearest, naming, MARGIN_PX, row, "Nearest examples")
        _draw_examples(
            canvas, found.likeness.rivals, naming, RIVALS_LEFT_PX, row, f"Nearest {name}"
        )
    return canvas


def _tiles(found: Explanation, naming: Naming) -> list[tuple[NDArray[np.uint8], str, str]]:
    tiles = [
        (_square(found.case.photo), "In the picture", ""),
        (_enlarge(found.case.crop, TILE), "The model sees", "28×28, ink bright"),
    ]
    tiles += [
        (_enlarge(one.image, TILE), one.title, _wrapped(f"{one.short}, max {one.strongest}"))
        for one in maps(found, naming)
    ]
    if (change := found.change) is not None:
        framed = outline(change.image, top=change.top, left=change.left, size_px=change.size_px,
                         scale=TILE)  # fmt: skip
        text = (
            f"{change.fill} {change.size_px}×{change.size_px} px, {words.share(change.confidence)}"
        )
        tiles.append((framed, f"Makes it {naming.labels[change.label]}", _wrapped(text)))
    return tiles


def _draw_examples(
    canvas: _Canvas, examples: tuple[Example, ...], naming: Naming, left: int, top: int, title: str
) -> None:
    if not examples:
        return
    canvas.write(left, top, title, px=12, bold=True)
    for place, example in enumerate(examples):
        x = left + place * (SMALL_PX + GAP_PX)
        canvas.put(_enlarge(example.image, SMALL), x, top + 20)
        text = f"{naming.classes[example.label]}  {example.distance:.2f}"
        canvas.write(x, top + 24 + SMALL_PX, text, px=10.5, colour=SOFT)


def _enlarge(image: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(image, scale, axis=0), scale, axis=1)


def _square(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fit a picture into a tile, grey around it."""
    import cv2

    scale = TILE_PX / max(photo.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in photo.shape[1::-1])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = cv2.resize(photo, size, interpolation=interpolation)
    down, right = (TILE_PX - side for side in fitted.shape[:2])
    edges = (down // 2, down - down // 2, right // 2, right - right // 2)
    return np.asarray(cv2.copyMakeBorder(fitted, *edges, cv2.BORDER_REPLICATE), np.uint8)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 26))


def _bgr(colour: str) -> list[int]:
    return list(bytes.fromhex(colour[1:]))[::-1]
