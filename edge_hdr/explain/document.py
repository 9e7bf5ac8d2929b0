"""All numbers of an explanation, JSON-ready."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.explain.explanation import Explanation
from edge_hdr.explain.gradients import Gradients
from edge_hdr.explain.nearest import BLUR_PX, Example, Likeness
from edge_hdr.explain.scene import Naming, Scene


def document(scene: Scene) -> dict[str, Any]:
    """Give all numbers of a scene as JSON-ready values.

    Maps are 28 rows of 28 numbers; `occlusion` has them in nats by fill, `size_px` and class.
    """
    return {
        "image": scene.name,
        "width": scene.reading.width,
        "height": scene.reading.height,
        "lines": list(scene.reading.lines),
        "found": len(scene.reading.digits),
        "model": scene.model,
        "data": scene.data,
        "notes": list(scene.notes),
        "digits": [_digit(found, scene.naming) for found in scene.found],
    }


def _digit(found: Explanation, naming: Naming) -> dict[str, Any]:
    labels = naming.labels
    return {
        "number": found.case.number,
        **found.case.digit.to_dict(),
        "confidence": round(float(found.probabilities[found.label]), 6),
        "threshold": naming.threshold,
        "runner_up": labels[found.runner_up],
        "tied_with": [labels[index] for index in found.tied],
        "runner_up_confidence": round(float(found.probabilities[found.runner_up]), 6),
        "margin": round(found.margin, 6),
        "lead_nats": round(found.lead_nats, 4),
        "probabilities": _by_label(labels, found.probabilities, 6),
        "logits": _by_label(labels, found.case.logits, 4),
        "crop": found.case.crop.tolist(),
        "occlusion": _occlusion(found, labels),
        "least_change": found.change.to_dict(labels) if found.change else None,
        "gradients": _gradients(found.gradients, labels) if found.gradients else None,
        "nearest": _likeness(found.likeness, naming.classes) if found.likeness else None,
    }


def _by_label(labels: tuple[str, ...], values: NDArray[Any], digits: int) -> dict[str, float]:
    return {name: round(float(value), digits) for name, value in zip(labels, values, strict=True)}


def _occlusion(found: Explanation, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "fill": fill,
            "size_px": size_px,
            "worth": {
                labels[label]: _rows(maps[label]) for label in (found.label, found.runner_up)
            },
        }
        for fill, sizes in found.occlusion.worth.items()
        for size_px, maps in sizes.items()
    ]


def _gradients(found: Gradients, labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "float_label": labels[found.label],
        "pixels": _rows(found.pixels),
        "sum": round(found.total, 4),
        "logit_difference": round(found.difference, 4),
        "gap": round(found.gap, 6),
        "complete": found.complete,
        "steps": found.steps,
    }


def _likeness(found: Likeness, classes: tuple[str, ...]) -> dict[str, Any]:
    def rows(examples: tuple[Example, ...]) -> list[dict[str, Any]]:
        return [
            {
                "index": example.index,
                "label": classes[example.label],
                "distance": round(example.distance, 4),
            }
            for example in examples
        ]

    return {
        "space": f"pixels, full ink 1, after a Gaussian blur of {BLUR_PX:g} px",
        "examples": rows(found.nearest),
        "of_runner_up": rows(found.rivals),
        "closer_share": round(found.closer_share, 4),
    }


def _rows(values: NDArray[np.float64]) -> list[list[float]]:
    return [[round(value, 4) for value in row] for row in values.tolist()]
