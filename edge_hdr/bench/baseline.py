"""Read an earlier bench document, to compare a run with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr.bench.document import SCHEMA
from edge_hdr.bench.partners import Named, partners
from edge_hdr.errors import InputError

Document = dict[str, Any]
MEASURE = "measure one: edge-hdr bench … --out DIR writes DIR/bench.json"


@dataclass(frozen=True)
class Measured:
    """What a comparison needs of one model of a document.

    Attributes:
        name: unique in its run.
        sha256: of the file.
        file_bytes: None where the file was not at hand.
        n: test examples; 0 where accuracy was not measured.
        wrong: indices of those read wrong.
        setting: runtime, delegate and threads, in words.
        p50_ms: median time of the kernels for one digit.
        windows_ms: the same in each stretch of the measurement.
        instructions: of one call; None where they were not counted.
        label: see `edge_hdr.bench.partners.Named`, also for the next two.
        own_name: see there.
        argument: see there.
    """

    name: str
    sha256: str
    file_bytes: int | None
    n: int
    wrong: frozenset[int]
    setting: str
    p50_ms: float
    windows_ms: tuple[float, ...]
    instructions: int | None
    label: str = ""
    own_name: str = ""
    argument: str = ""


def read_baseline(path: Path) -> Document:
    """Read a bench document: bench.json, or what `edge-hdr bench --json` printed.

    Raises:
        InputError: it cannot be read, or is no bench document of this schema.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read the baseline {path}: {error.strerror}", hint="check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"the baseline {path} is no JSON document, or is cut off", hint=MEASURE
        ) from error
    if isinstance(document, dict) and document.get("command") == "bench" and "data" in document:
        document = document["data"]  # what --json printed
    if not isinstance(document, dict) or not {"models", "measurement"} <= document.keys():
        raise InputError(f"the baseline {path} is no bench document", hint=MEASURE)
    schema = document.get("schema")
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        raise InputError(
            f"the baseline {path} has schema {schema!r}, and this edge-hdr reads {SCHEMA}",
            hint="update edge-hdr" if newer else MEASURE,
        )
    try:
        measured(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"the baseline {path} lacks or garbles a field: {error}", hint=MEASURE
        ) from error
    return document


def measured(document: Document) -> dict[str, Measured]:
    """Take the models of a document apart, by name.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: a field is missing or no such value.
    """
    for key in ("comparable", "interpreter", "environment"):
        document["measurement"][key]
    for key in ("processor", "machine"):
        document["measurement"]["environment"][key]
    data_sha256(document)
    return {model["name"]: _measured(model) for model in document["models"]}


def data_sha256(document: Document) -> str | None:
    """Digest of the examples that accuracy was measured on; None where it was not measured."""
    data = document["data"]
    return None if data is None else str(data["sha256"])


def check_fit(baseline: Document, models: Sequence[Named], sha256: str | None) -> dict[str, str]:
    """Make sure that a run can be compared with a baseline, before it is made.

    Args:
        baseline: its document.
        models: to be measured.
        sha256: digest of the examples; None where accuracy is not measured.

    Returns:
        The models' partners in the baseline, by their names.

    Raises:
        InputError: see `edge_hdr.bench.partners.partners`, or accuracy is of other examples: a
            difference would be of the examples as much as of the models.
    """
    pairs = partners(list(measured(baseline).values()), models)
    old = data_sha256(baseline)
    if None not in {old, sha256} and old != sha256:
        raise InputError(
            f"the baseline was measured on other examples, {baseline['data'].get('test_name')}",
            hint="measure the baseline again on these, or compare speed and size by --no-accuracy",
        )
    return pairs


def _measured(model: Document) -> Measured:
    test, latency = model["test"], model["latency"]
    wrong = frozenset(int(index) for index in model["wrong"])
    if test and len(wrong) != int(test["errors"]):
        raise ValueError(f"{model['name']} has {len(wrong)} wrong examples, not {test['errors']}")
    times, counted = latency["invoke"], latency.get("instructions")
    windows = tuple(float(time) for time in times["windows_p50_ms"])
    if not windows or min(windows) <= 0:
        raise ValueError(f"{model['name']} has no times")
    size = model["file_bytes"]
    return Measured(
        name=str(model["name"]),
        sha256=str(model["sha256"]),
        file_bytes=None if size is None else int(size),
        n=int(test["n"]) if test else 0,
        wrong=wrong,
        setting=f"{model.get('runtime') or ''} {latency['delegate']}×{latency['threads']}".strip(),
        p50_ms=float(times["p50_ms"]),
        windows_ms=windows,
        instructions=int(counted["per_call"]) if counted else None,
        label=str(model.get("label") or ""),
        own_name=str(model.get("own_name") or model["name"]),
        argument=str(model.get("argument") or ""),
    )
