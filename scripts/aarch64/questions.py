"""What board and twin are both asked: digits to classify and pictures to read."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from boards import ROOT
from emulation import Guest
from numpy.typing import NDArray

from edge_hdr.data.sheet import write_sheet
from edge_hdr.data.strokes import make_split
from edge_hdr.errors import DeviceStepError
from edge_hdr_device import released

DIGITS = 200
SEED = 5
DELEGATES = ("xnnpack", "none")
PAGES = (["0123456789", "31415"], ["2718 2026", "90210"])
DATA = ROOT / "tests" / "data"
TEXT = (DATA / "sample.txt").read_text().split()
PROGRAM = Path(__file__).with_name("answers.py")


@dataclass(frozen=True)
class Answer:
    """What one Python said.

    Attributes:
        logits: float32 (N, classes) by "model delegate".
        steps: the output's quantum by "model delegate"; 0 for a float model.
        readings: of each picture with each released model.
        machine: what it ran on.
        versions: of what took part.
    """

    logits: dict[str, NDArray[np.float32]]
    steps: dict[str, float]
    readings: list[dict[str, Any]]
    machine: dict[str, Any]
    versions: dict[str, str]


def pose(folder: Path) -> Path:
    """Write the question and all that it names into a folder."""
    digits, question = folder / "digits.npy", folder / "question.json"
    np.save(digits, make_split(DIGITS, seed=SEED, workers=1).images)
    models = []
    for source in [*map(released.find, released.names()), *sorted(DATA.glob("tiny-*.tflite"))]:
        models.append(folder / "models" / source.parent.name / source.name)
        models[-1].parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, models[-1])
    pictures = [folder / "sample.jpg", *(folder / f"page{i}.png" for i in range(len(PAGES)))]
    shutil.copy(DATA / "sample.jpg", pictures[0])
    for index, lines in enumerate(PAGES):
        sheet = write_sheet(lines, seed=index, width_px=640 + 200 * index)
        cv2.imwrite(str(pictures[1 + index]), sheet.image)
    fields = {"digits": str(digits), "delegates": DELEGATES}
    fields |= {"models": [*map(str, models)], "pictures": [*map(str, pictures)]}
    question.write_text(json.dumps(fields))
    shutil.copy(PROGRAM, folder)
    return question


def ask(guest: Guest, question: Path) -> Answer:
    """Put the question to a Python.

    Raises:
        DeviceStepError: it did not answer.
    """
    folder = question.parent
    program, file = folder / PROGRAM.name, folder / f"{guest.cpu}.npz"
    done = guest.run(program, question, file, cwd=folder)
    if done.returncode:
        raise DeviceStepError(
            f"{guest.cpu}, {guest.how}, did not answer (exit code {done.returncode})",
            hint=" / ".join(done.stderr.strip().splitlines()[-3:]),
        )
    with np.load(file) as arrays:
        said = json.loads(str(arrays["answer"]))
        logits = {key: arrays[key] for key in arrays.files if key != "answer"}
    return Answer(logits=logits, **said)
