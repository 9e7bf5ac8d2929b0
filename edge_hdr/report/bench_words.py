"""Say in words what a bench run was made on, how it went and what stands out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from edge_hdr.report.bench_facts import (
    US_OF_MS,
    Document,
    Model,
    best,
    comparable,
    images_per_second,
    percentile_ms,
    scored,
    test_name,
    three,
)
from edge_hdr.report.bench_latency import sweep_models
from edge_hdr.report.numbers import accuracy_digits, interval, percent, size, whole
from edge_hdr.report.tables import Tile

_MARKS = {
    "throttled": "the {machine} was held back by heat or a weak supply",
    "hot": "the processor was too hot",
    "busy": "other processes took part of the processors",
    "unsteady": "times changed from one stretch of the run to another",
}


def _in_us(value_ms: float) -> str:
    return f"{three(US_OF_MS * value_ms)} µs"


def _in_ms(value_ms: float) -> str:
    return f"{three(value_ms)} ms"


_FILE = ("Smallest file", "File", lambda model: model["file_bytes"], min, size)
_TIMES: tuple[tuple[str, str, Any, Any, Any], ...] = (
    ("Fastest kernels, median", "Kernels, median", percentile_ms, min, _in_us),
    ("Fastest frame, median", "Frame, median", partial(percentile_ms, what="frame"), min, _in_ms),
    ("Most images a second", "Images a second", images_per_second, max, "{:,.0f}".format),
)


def title(doc: Document) -> str:
    """Name the page: the model, or how many."""
    models = doc["models"]
    return f"Bench of {models[0]['name']}" if len(models) == 1 else f"{len(models)} models, one run"


def subtitle(doc: Document) -> str:
    """Say when, where and on what was measured, in one line."""
    run, data = doc["measurement"], doc.get("data") or {}
    return _joined(
        " · ",
        str(doc["measured"]).replace("T", " ")[:16] + " UTC",
        doc.get("target"),
        run["environment"].get("board"),
        run.get("interpreter"),
        f"{test_name(doc)}, n = {data['n']:,}" if data else "",
    )


def marks(doc: Document) -> list[str]:
    """Explain the marks of a run."""
    words = (_MARKS.get(mark, mark) for mark in doc["measurement"]["marks"])
    return [word.replace("{machine}", _machine(doc)) for word in words]


def rates(doc: Document) -> str:
    """Say how the images a second were read."""
    return "the best of the sweep" if sweep_models(doc) else "ten digits in one batch"


def under_the_table(doc: Document, heads: Sequence[str]) -> list[str]:
    """Explain the columns of a terminal's table, and say what speaks against its times.

    Args:
        doc: the document.
        heads: of the columns that are shown.
    """
    frame = doc["measurement"]["method"].get("frame")
    told = [f"images/s: {rates(doc)}"] if any("images/s" in head for head in heads) else []
    told += [f"frame: {frame}"] if frame and any("frame" in head for head in heads) else []
    lines = [f"Times are medians; {'; '.join(told)}."] if told else []
    if not comparable(doc):
        lines.append(f"Do not compare these times: {'; '.join(marks(doc)) or 'disturbed'}.")
    return lines


def conditions(doc: Document) -> str:
    """Say in one line on what and under which conditions the times were measured."""
    run, found = doc["measurement"], doc["measurement"]["environment"]
    return _joined(
        " · ",
        found.get("processor"),
        _counted(found.get("cores"), "core"),
        _change(doc, "temperature_c", "{:.0f} °C"),
        _change(doc, "clock_mhz", "{:,.0f} MHz"),
        _prefixed("governor ", found.get("governor")),
        _prefixed("load a core ", _change(doc, "load", "{:.2f}")),
        _others(run.get("busy_share")),
    )


def environment(doc: Document) -> list[tuple[str, str]]:
    """List on what was measured; what is not known is left out."""
    run, data = doc["measurement"], doc.get("data") or {}
    found = run["environment"]
    clock, memory = found.get("clock_max_mhz"), found.get("memory_bytes")
    rows = [
        ("Target", doc.get("target")),
        (_machine(doc).capitalize(), found.get("board")),
        ("Processor", _joined(", ", found.get("processor"), found.get("machine"))),
        ("Its features", ", ".join(found.get("features") or [])),
        ("Cores", found.get("cores")),
        ("Memory", memory and size(memory)),
        ("System", _joined(", ", found.get("system"), found.get("kernel"))),
        ("Governor", found.get("governor")),
        ("Highest clock", clock and f"{clock:,} MHz"),
        ("Clock, before → after", _change(doc, "clock_mhz", "{:,.0f} MHz")),
        ("Temperature", _change(doc, "temperature_c", "{:.0f} °C")),
        ("Load a core", _change(doc, "load", "{:.2f}")),
        ("Firmware's complaints", _complaints(doc)),
        ("Other processes", _others(run.get("busy_share"))),
        ("Interpreter", run.get("interpreter")),
        ("Versions", f"edge-hdr {run['version']}, Python {run['python']}, numpy {run['numpy']}"),
        ("Data", _joined(", ", data.get("test_name"), data.get("source"))),
        ("Data sha256", data.get("sha256")),
        ("Remarks", "; ".join(run.get("remarks") or [])),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "")]


def method(doc: Document) -> list[str]:
    """Say in a few sentences how times were measured."""
    how = doc["measurement"]["method"]
    run = [f"{whole(how['rounds'])} rounds", _counted(how.get("threads"), "thread"), how["clock"]]
    sentences = [
        f"All models took turns in {how['windows']} windows, {how['seconds']:g} s of timed calls "
        f"in all after {how['warm_up_s']:g} s of warm-up, so that a change of the machine's speed "
        f"hits all alike ({_joined(', ', *run)}).",
        "Kernels: the interpreter's invoke alone, a digit in its input. Whole call: with the input "
        "quantized and the answer fetched.",
    ]
    frame = how.get("frame")
    return [*sentences, f"Frame: {frame}, from its pixels to the digits."] if frame else sentences


def tiles(doc: Document) -> list[Tile]:
    """Give the figures that stand out: the fewest errors, the least bytes, the shortest times.

    Times of a disturbed run are not ranked.
    """
    models = doc["models"]
    found = [_accuracy_tile(doc)] if scored(doc) else []
    ranked = _TIMES if comparable(doc) or len(models) == 1 else ()
    for among_several, alone, value, choose, write in (_FILE, *ranked):
        known = [model for model in models if value(model)]
        if known:
            model = choose(known, key=value)
            head = among_several if len(models) > 1 else alone
            found.append(Tile(head, write(value(model)), _who(models, model)))
    return found


def _accuracy_tile(doc: Document) -> Tile:
    model = best(doc) or {}
    test, n = model["test"], model["test"]["n"]
    detail = f"{test['errors']:,} errors of {n:,}, 95 % interval {interval(test['interval'], n)}"
    named = f"{model['name']}: " if len(doc["models"]) > 1 else ""
    value = percent(test["accuracy"], digits=accuracy_digits(n))
    head = "Best accuracy" if len(doc["models"]) > 1 else "Accuracy"
    return Tile(f"{head}, {test_name(doc)}", value, named + detail, lead=True)


def _who(models: Sequence[Model], model: Model) -> str:
    """Name one of several models, and its accuracy, which its figure stands beside."""
    if len(models) == 1:
        return ""
    test = model.get("test")
    right = f"{percent(test['accuracy'], digits=accuracy_digits(test['n']))} right" if test else ""
    return _joined(", ", model["name"], right)


def _machine(doc: Document) -> str:
    """Call what measured a board only where it is one that was asked."""
    return "board" if doc.get("target") else "machine"


def _joined(separator: str, *parts: Any) -> str:
    return separator.join(str(part) for part in parts if part)


def _prefixed(prefix: str, text: str | None) -> str:
    return f"{prefix}{text}" if text else ""


def _counted(count: int | None, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}" if count else ""


def _change(doc: Document, key: str, form: str) -> str:
    """Write a figure before and after the run, once where both are the same."""
    moments = (doc["measurement"]["conditions"][when] for when in ("before", "after"))
    found = [form.format(each[key]) for each in moments if each.get(key) is not None]
    return " → ".join(dict.fromkeys(found))


def _others(share: float | None) -> str:
    return "" if share is None else f"others took {percent(share, digits=1)} of the processors"


def _complaints(doc: Document) -> str:
    """Say what the firmware complained about; empty where it does not tell."""
    before, after = (doc["measurement"]["conditions"][when] for when in ("before", "after"))
    if after.get("throttled") is None:
        return ""
    words = [*(before.get("throttled") or []), *after["throttled"]]
    words += after.get("throttled_before") or []
    return ", ".join(dict.fromkeys(words)) or "none"
