"""An explanation as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain import words
from edge_hdr.explain.explanation import Explanation
from edge_hdr.explain.headline import tiles
from edge_hdr.explain.heat import limit_of, outline, paint
from edge_hdr.explain.nearest import Example
from edge_hdr.explain.scene import Naming, Scene
from edge_hdr.report.figures import digit_uri
from edge_hdr.report.page import fill
from edge_hdr_device.annotate import annotate, encode
from edge_hdr_device.pipeline import Reading

LEAST_LOG10 = -6.0  # where the bar of a probability ends
PICTURE_PX, PHOTO_PX = 1000, 160
SCALE = 8  # of the picture in which the least change is framed


@dataclass(frozen=True)
class Map:
    """A picture of evidence, uint8 (28, 28, 3) BGR, with its words and its strongest value."""

    title: str
    short: str
    text: str
    strongest: str
    image: NDArray[np.uint8]


def render_explanation(scene: Scene) -> str:
    """Render a whole HTML document: no request leaves it, text from outside is escaped."""
    image = annotate(scene.image, scene.reading)
    view = {
        "title": f"{Path(scene.name).name} explained",
        "subtitle": f"How {scene.model['name']} read it, and why",
        "broad": False,
        "notes": [f"{note[0].upper()}{note[1:]}." for note in scene.notes],
        "tiles": tiles(scene),
        "lines": scene.reading.lines,
        "picture": _uri(_fit(image, PICTURE_PX), ".jpg"),
        "boxes": [_box(found, scene.reading) for found in scene.found],
        "digits": [_digit(found, scene.naming) for found in scene.found],
        "facts": facts(scene),
    }
    return fill("explain.html.j2", view, {})


def maps(found: Explanation, naming: Naming) -> list[Map]:
    """Paint what argues for the reading, for the runner-up, and for one rather than the other."""
    label, other = found.label, found.runner_up
    name, rival = naming.labels[label], naming.labels[other]
    occlusion = found.occlusion
    evidence = [
        (f"{name}, not {rival}", "ink erased", f"What ink argues for {name} rather than {rival}",
         occlusion.between("erased", label, other)),
        (f"For {name}", "ink erased", f"What ink argues for {name}",
         occlusion.of("erased", label)),
        (f"For {rival}", "ink erased", f"What ink argues for {rival}",
         occlusion.of("erased", other)),
        ("Empty places", "ink added", f"Blue has to stay empty for {name} rather than {rival}",
         occlusion.between("inked", label, other)),
    ]  # fmt: skip
    drawn = [
        Map(title, short, text, f"{limit_of(values):.2g} nats", paint(found.case.crop, values))
        for title, short, text, values in evidence
    ]
    if found.gradients is not None:
        pixels = found.gradients.pixels
        painted = paint(found.case.crop, pixels)
        drawn.append(
            Map("Integrated gradients", "float model",
                f"What each pixel adds for {name} rather than {rival} in the float model",
                f"{limit_of(pixels):.2g} logits", painted)
        )  # fmt: skip
    return drawn


def facts(scene: Scene) -> list[tuple[str, str]]:
    """Say what explained and what was looked at, each a name and a value."""
    model, data = scene.model, scene.data
    told = [
        ("Picture", scene.name),
        ("Model", f"{model['name']} {model['variant']}".strip()),
        ("File", f"{model['path']}, sha256 {model['sha256'] or 'not stated'}"),
        ("Interpreter", f"{model['interpreter']}, temperature {model['temperature']:.4g}"),
    ]
    if data is not None:
        trained = (
            "the model was built from it"
            if data["model_was_trained_on_it"]
            else "the model was not built from it, or does not say so"
        )
        told.append(("Training examples", f"{data['n']:,}: {data['source']}; {trained}"))
    return told


def _digit(found: Explanation, naming: Naming) -> dict[str, Any]:
    case, change, alike = found.case, found.change, found.likeness
    return {
        "number": case.number,
        "label": naming.labels[found.label],
        "confidence": words.share(found.probabilities[found.label]),
        "accepted": case.digit.accepted,
        "sentences": words.sentences(found, naming),
        "photo": _uri(_fit(case.photo, PHOTO_PX), ".png"),
        "crop": digit_uri(case.crop),
        "bars": _bars(found, naming),
        "maps": [
            {"title": one.title, "text": one.text, "strongest": one.strongest,
             "uri": _uri(one.image, ".png")}
            for one in maps(found, naming)
        ],
        "change": None if change is None else {
            "title": f"Makes it {naming.labels[change.label]}",
            "text": words.fragility(found, naming),
            "uri": _uri(outline(change.image, top=change.top, left=change.left,
                                size_px=change.size_px, scale=SCALE), ".png"),
        },
        "nearest": _examples(alike.nearest, naming) if alike else [],
        "rivals": _examples(alike.rivals, naming) if alike else [],
        "runner_up": naming.labels[found.runner_up],
    }  # fmt: skip


def _bars(found: Explanation, naming: Naming) -> list[dict[str, Any]]:
    """Give a bar for each class, most probable first; its length goes with the logarithm."""
    tens = np.clip(found.scores / np.log(10), LEAST_LOG10, 0)
    return [
        {
            "label": naming.labels[index],
            "width": round(100 * float(1 - tens[index] / LEAST_LOG10), 1),
            "value": words.share(found.probabilities[index]),
            "first": index == found.label,
        }
        for index in np.argsort(-found.scores, kind="stable")[:10].tolist()
    ]


def _examples(examples: tuple[Example, ...], naming: Naming) -> list[dict[str, str]]:
    return [
        {
            "uri": digit_uri(example.image),
            "label": naming.classes[example.label],
            "distance": f"{example.distance:.2f}",
            "alt": f"training example {example.index}: {naming.classes[example.label]}",
        }
        for example in examples
    ]


def _box(found: Explanation, reading: Reading) -> dict[str, Any]:
    """Say where in the picture a digit is, in percent, so that it leads to its explanation."""
    x, y, width, height = found.case.digit.box
    return {
        "number": found.case.number,
        "left": round(100 * x / reading.width, 2),
        "top": round(100 * y / reading.height, 2),
        "width": round(100 * width / reading.width, 2),
        "height": round(100 * height / reading.height, 2),
    }


def _fit(photo: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    """Reduce a picture to what the page shows of it."""
    import cv2

    scale = min(1.0, longest_px / max(photo.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in photo.shape[1::-1])
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def _uri(image: NDArray[np.uint8], suffix: str) -> str:
    kind = "jpeg" if suffix == ".jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(encode(image, suffix)).decode()}"
