"""What makes a scene hard: factors, each with a level, and severities that mix them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np

from edge_hdr_device.errors import UsageError

# Each factor with what its level 1 means; level 0 is its absence.
FACTORS: dict[str, str] = {
    # the paper
    "squared": "squared paper whose printed lines are as dark as half of the ink",
    "ruled": "ruled paper whose printed lines are as dark as half of the ink",
    "coloured": "strongly coloured paper",
    "blackboard": "chalk on a smeared blackboard",
    "whiteboard": "markers on a whiteboard with a lamp's reflection",
    # the pen and the hand
    "faint": "ink of a sixth of the full contrast, as a hard pencil's",
    "thin": "a line 3 % of a digit's height wide",
    "thick": "a marker's line, a quarter of a digit's height wide",
    "dry": "a pen that leaves gaps and ragged edges",
    "small": "digits 12 px high",
    "large": "digits 600 px high, or four fifths of the picture",
    "uneven": "digits of one line differ in height by ± 30 % (one standard deviation)",
    "tight": "neighbours 3 % of a digit's height apart",
    "touching": "every second pair of neighbours touches",
    # light
    "gradient": "the darkest corner has a fifth of the light of the brightest",
    "dim": "paper exposed to a fifth of full white",
    "shadow": "a shadow with an edge across the writing that leaves a quarter of the light",
    # the camera
    "rotation": "turned by 30 degrees to either side",
    "perspective": "the page tilted by 45 degrees away from the camera",
    "curl": "a page that waves by a tenth of the picture's width",
    "focus": "out of focus by 12 % of a digit's height (standard deviation)",
    "motion": "moved by 40 % of a digit's height while the shutter was open",
    "noise": "sensor noise of 18 grey levels (standard deviation)",
    "jpeg": "JPEG of quality 10",
    "white_balance": "a strong cast of one colour, as under a tungsten lamp",
    # what else is there
    "struck": "a line of the pen or the print goes through every line of digits",
    "underline": "every number is underlined",
    "frames": "every digit stands in a drawn box",
    "dots": "dots, commas and colons between most digits",
    "minus": "minus signs and dashes between most numbers",
    "operators": "plus, times, equals and division signs between most numbers",
    "letters": "words of letters on every line",
    "stains": "coffee rings, blots and specks all over",
    "fingers": "fingers reach in from the edges",
    "table": "the page's edges and the table around it are in the picture",
}

SURFACES = ("squared", "ruled", "blackboard", "whiteboard")  # at most one; else it is white paper

# What level 1 leaves of the ink's contrast; a half where it does so in a part of the picture.
LEFT = {
    "faint": 1 / 6, "dim": 1 / 5, "shadow": 1 / 4, "gradient": 1 / 3, "focus": 1 / 3,
    "motion": 1 / 2, "thin": 2 / 3, "blackboard": 1 / 2, "coloured": 3 / 4,
}  # fmt: skip
FULL_CONTRAST = 190.0  # grey levels from paper to ink
NOISE = 18.0  # deviation in grey levels at level 1
LEAST_CONTRAST, LEAST_TO_NOISE = 10.0, 1.6

# factor: (chance of being there, lowest level, highest level)
Spread = dict[str, tuple[float, float, float]]

MILD: Spread = {
    "squared": (0.10, 0.1, 0.3),
    "ruled": (0.10, 0.1, 0.3),
    "coloured": (0.10, 0.1, 0.4),
    "blackboard": (0.03, 0.05, 0.2),
    "whiteboard": (0.08, 0.05, 0.2),
    "faint": (0.2, 0.0, 0.2),
    "thin": (0.3, 0.0, 0.4),
    "thick": (0.2, 0.0, 0.3),
    "dry": (0.2, 0.0, 0.2),
    "small": (0.2, 0.0, 0.3),
    "large": (0.1, 0.0, 0.4),
    "uneven": (0.6, 0.0, 0.15),
    "tight": (0.2, 0.0, 0.3),
    "gradient": (0.8, 0.0, 0.25),
    "dim": (0.4, 0.0, 0.4),
    "rotation": (0.7, 0.0, 0.1),
    "perspective": (0.5, 0.0, 0.15),
    "focus": (0.4, 0.0, 0.15),
    "noise": (0.8, 0.02, 0.2),
    "jpeg": (0.8, 0.1, 0.3),
    "white_balance": (0.8, 0.0, 0.25),
}
MODERATE: Spread = {
    "squared": (0.15, 0.1, 0.5),
    "ruled": (0.15, 0.1, 0.5),
    "coloured": (0.15, 0.1, 0.6),
    "blackboard": (0.05, 0.1, 0.4),
    "whiteboard": (0.10, 0.1, 0.4),
    "faint": (0.35, 0.0, 0.45),
    "thin": (0.4, 0.0, 0.7),
    "thick": (0.2, 0.0, 0.5),
    "dry": (0.3, 0.0, 0.35),
    "small": (0.35, 0.0, 0.5),
    "large": (0.2, 0.0, 0.8),
    "uneven": (0.7, 0.0, 0.25),
    "tight": (0.3, 0.0, 0.5),
    "touching": (0.06, 0.1, 0.3),
    "gradient": (0.9, 0.05, 0.5),
    "dim": (0.5, 0.0, 0.6),
    "shadow": (0.25, 0.1, 0.45),
    "rotation": (0.8, 0.0, 0.25),
    "perspective": (0.7, 0.0, 0.35),
    "curl": (0.25, 0.0, 0.3),
    "focus": (0.5, 0.0, 0.25),
    "motion": (0.15, 0.0, 0.2),
    "noise": (0.9, 0.03, 0.3),
    "jpeg": (0.9, 0.1, 0.5),
    "white_balance": (0.9, 0.0, 0.4),
    "underline": (0.08, 0.3, 1.0),
    "frames": (0.08, 0.3, 1.0),
    "dots": (0.10, 0.1, 0.6),
    "minus": (0.12, 0.1, 0.7),
    "operators": (0.10, 0.1, 0.7),
    "letters": (0.10, 0.1, 0.5),
    "stains": (0.10, 0.1, 0.3),
    "fingers": (0.04, 0.1, 0.4),
    "table": (0.20, 0.1, 0.7),
}
HARD: Spread = {
    "squared": (0.22, 0.2, 0.9),
    "ruled": (0.22, 0.2, 0.9),
    "coloured": (0.25, 0.2, 1.0),
    "blackboard": (0.07, 0.2, 0.8),
    "whiteboard": (0.10, 0.2, 0.8),
    "faint": (0.5, 0.1, 0.75),
    "thin": (0.5, 0.1, 1.0),
    "thick": (0.2, 0.1, 0.9),
    "dry": (0.4, 0.1, 0.7),
    "small": (0.45, 0.1, 0.8),
    "large": (0.12, 0.1, 0.9),
    "uneven": (0.9, 0.1, 0.6),
    "tight": (0.4, 0.2, 0.9),
    "touching": (0.2, 0.1, 0.6),
    "gradient": (0.9, 0.2, 0.9),
    "dim": (0.5, 0.1, 0.8),
    "shadow": (0.5, 0.3, 0.9),
    "rotation": (0.9, 0.0, 0.7),
    "perspective": (0.8, 0.1, 0.7),
    "curl": (0.4, 0.1, 0.7),
    "focus": (0.6, 0.1, 0.5),
    "motion": (0.3, 0.1, 0.5),
    "noise": (0.9, 0.1, 0.7),
    "jpeg": (0.9, 0.2, 0.8),
    "white_balance": (0.9, 0.1, 0.8),
    "struck": (0.10, 0.2, 0.6),
    "underline": (0.15, 0.3, 1.0),
    "frames": (0.15, 0.3, 1.0),
    "dots": (0.20, 0.2, 0.9),
    "minus": (0.20, 0.2, 0.9),
    "operators": (0.15, 0.2, 0.9),
    "letters": (0.25, 0.2, 0.9),
    "stains": (0.30, 0.2, 0.8),
    "fingers": (0.12, 0.2, 0.8),
    "table": (0.40, 0.2, 1.0),
}

# "clean": nothing; "mild": a scanner or a good photo; "moderate": a careful photo by phone or
# webcam, at home or in class; "hard": a careless one.
SEVERITIES: dict[str, Spread] = {"clean": {}, "mild": MILD, "moderate": MODERATE, "hard": HARD}


def draw_levels(
    severity: str, given: Mapping[str, float] | None, rng: np.random.Generator
) -> dict[str, float]:
    """Draw the level of each factor, those above 0 only.

    Args:
        severity: a key of `SEVERITIES`.
        given: levels that are set instead of drawn.
        rng: used to the same extent whatever is given, so that a given level changes no other.

    Raises:
        UsageError: see `check_severity` and `check_factors`.
    """
    check_severity(severity)
    check_factors(given or {})
    levels = _draw_all(SEVERITIES[severity], rng)
    while not readable(levels):
        levels = _draw_all(SEVERITIES[severity], rng)
    if any((given or {}).get(name, 0.0) > 0.0 for name in SURFACES):
        levels |= dict.fromkeys(SURFACES, 0.0)
    levels |= {name: float(level) for name, level in (given or {}).items()}
    return {name: level for name, level in levels.items() if level > 0.0}


def readable(levels: Mapping[str, float]) -> bool:
    """Tell whether a person could read ink of these levels, and so would take such a photo.

    What is left of the ink's contrast, in grey levels, where light and pen are at their worst,
    must stand out from the noise: no factor does that alone, five together do.
    """
    left = float(np.prod([share ** levels.get(name, 0.0) for name, share in LEFT.items()]))
    least = LEAST_CONTRAST + LEAST_TO_NOISE * NOISE * levels.get("noise", 0.0)
    return FULL_CONTRAST * left >= least


def check_severity(severity: str) -> None:
    """Raise UsageError unless there is such a severity."""
    if severity not in SEVERITIES:
        raise UsageError(
            f"there is no severity {severity!r}", hint=f"one of {', '.join(SEVERITIES)}"
        )


def check_factors(given: Mapping[str, float]) -> None:
    """Raise UsageError unless every name is a factor's and every level in [0, 1]."""
    for name, level in given.items():
        if name not in FACTORS:
            near = get_close_matches(name, FACTORS, 1)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(FACTORS)}"
            raise UsageError(f"there is no factor {name!r}", hint=hint)
        if not 0.0 <= level <= 1.0:
            raise UsageError(
                f"{name}={level:g} is no level", hint="0 for absent to 1 for the worst"
            )


def _draw_all(spread: Spread, rng: np.random.Generator) -> dict[str, float]:
    levels = {name: _draw_level(spread.get(name, (0.0, 0.0, 0.0)), rng) for name in FACTORS}
    _keep_one_surface(levels, spread, rng.random())
    return levels


def _draw_level(spread: tuple[float, float, float], rng: np.random.Generator) -> float:
    chance, low, high = spread
    there, level = rng.random() < chance, rng.uniform(low, high)
    return round(float(level), 3) if there else 0.0


def _keep_one_surface(levels: dict[str, float], spread: Spread, at: float) -> None:
    """Set all surfaces but one to 0, by their chances; none of them leaves white paper."""
    for name in SURFACES:
        chance, low, high = spread.get(name, (0.0, 0.0, 0.0))
        levels[name] = round(low + (high - low) * at / chance, 3) if 0 <= at < chance else 0.0
        at -= chance
