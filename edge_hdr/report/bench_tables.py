"""Tables of a bench run: those of the page, and narrower ones for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from edge_hdr.report.bench_columns import (
    Column,
    Value,
    kilobytes,
    megabytes,
    microseconds,
    milliseconds,
    name,
    percent,
    rate,
    stacked,
    tabulate,
)
from edge_hdr.report.bench_facts import (
    Document,
    Model,
    cold,
    cold_ms,
    comparable,
    cost,
    images_per_second,
    percentile_ms,
    scored,
    short_name,
    three,
)
from edge_hdr.report.numbers import accuracy_digits, p_value, whole
from edge_hdr.report.tables import Table

_NAME = 24  # characters of a model's name in a narrow table
INTERVAL, RATE = "95\u00a0% interval", "images/s"


def summary(doc: Document) -> Table:
    """Tabulate the models side by side for a terminal, their names in full."""
    columns = [
        name(),
        *_accuracy(doc, "right"),
        kilobytes("file", _part("file_bytes")),
        microseconds("kernels", percentile_ms),
        milliseconds("frame", partial(percentile_ms, what="frame")),
        rate(RATE, images_per_second),
    ]
    return stacked(tabulate(doc["models"], columns, comparable=comparable(doc)))


def headline(doc: Document) -> Table:
    """Tabulate the models side by side with all that the report's first table shows."""
    columns = [
        name(),
        *_accuracy(doc, "accuracy"),
        percent("same as first", _pair("agreement")),
        kilobytes("file", _part("file_bytes")),
        kilobytes("gzip", _part("gzip_bytes")),
        kilobytes("arena", partial(cost, what="arena_bytes")),
        megabytes("resident", partial(cold, what="resident_bytes")),
        *_percentiles("kernels"),
        milliseconds("frame", partial(percentile_ms, what="frame")),
        rate(RATE, images_per_second),
        milliseconds("cold start", cold_ms),
    ]
    return tabulate(doc["models"], columns, comparable=comparable(doc))


def latency(doc: Document) -> Table:
    """Tabulate times: the kernels, a whole call, ten digits in one, a frame, a fresh process."""
    columns = [
        name(_NAME),
        *_percentiles("kernels"),
        microseconds("whole call", partial(percentile_ms, what="call")),
        microseconds("ten digits", partial(percentile_ms, what="ten")),
        milliseconds("frame", partial(percentile_ms, what="frame")),
        milliseconds("cold start", cold_ms),
    ]
    return stacked(tabulate(doc["models"], columns, comparable=comparable(doc)))


def settings(doc: Document) -> Table:
    """Tabulate how each model ran and started, how steady it was, and what it computes."""
    columns = [
        name(),
        Column("kind", lambda model: model.get("runtime") or model["kind"]),
        Column("delegate", _of_run("delegate")),
        Column("threads", _of_run("threads")),
        Column("calls timed", _of_calls("n"), whole),
        percent("windows differ by", _of_calls("spread"), digits=1),
        milliseconds("interpreter imported", partial(cold, what="start_ms")),
        milliseconds("file opened", partial(cold, what="open_ms")),
        milliseconds("first reading", partial(cold, what="first_ms")),
        megabytes("resident before the model", partial(cold, what="resident_base_bytes")),
        Column("instructions a call", _instructions, whole, min),
        Column("parameters", partial(cost, what="parameters"), whole, min),
        Column("MACs", partial(cost, what="macs"), whole, min),
    ]
    return tabulate(doc["models"], columns, comparable=comparable(doc))


def against_first(doc: Document) -> Table | None:
    """Tabulate the other models beside the first of the run; None for a single one."""
    first, *others = doc["models"]
    if not others:
        return None

    def ratio(head: str, value: Value, *, of_time: bool = False) -> Column:
        base = value(first)

        def of(model: Model) -> float | None:
            ours = value(model)
            return ours / base if base and ours is not None else None

        return Column(head, of, three, min, of_time)

    columns = [
        name(),
        percent("same class", _pair("agreement")),
        Column("errors ×", _pair("error_ratio"), three, min),
        Column("wrong here only", _pair("only_candidate_wrong"), whole),
        Column("wrong there only", _pair("only_reference_wrong"), whole),
        Column("McNemar p", _pair("p_value"), p_value),
        ratio("bytes ×", _part("file_bytes")),
        ratio("kernels ×", percentile_ms, of_time=True),
        ratio("whole call ×", partial(percentile_ms, what="call"), of_time=True),
        ratio("frame ×", partial(percentile_ms, what="frame"), of_time=True),
        ratio("instructions ×", _instructions),
    ]
    return tabulate(others, columns, comparable=comparable(doc))


def sweep(doc: Document) -> Table | None:
    """Tabulate how each model reads the most images a second; None without a sweep."""
    models = [model for model in doc["models"] if (model.get("latency") or {}).get("best")]
    if not models:
        return None

    def best(key: str) -> Value:
        return lambda model: model["latency"]["best"][key] or None

    def alone(model: Model) -> float:
        row = min(model["latency"]["sweep"], key=lambda row: (row["batch"], row["threads"]))
        return float(row["images_per_second"])

    columns = [
        name(_NAME),
        Column("delegate", best("delegate")),
        Column("threads", best("threads")),
        Column("batch", best("batch")),
        rate("images/s at best", best("images_per_second")),
        rate("one at a time", alone),
        Column(
            "gain", lambda model: best("images_per_second")(model) / alone(model), "× {:.2f}".format
        ),
    ]
    return stacked(tabulate(models, columns, comparable=comparable(doc)))


def comparison(doc: Document) -> Table | None:
    """Tabulate the models beside a baseline; None without one."""
    found = doc.get("comparison")
    if not found or not found["models"]:
        return None
    columns = [
        Column("model", _partners),
        Column("verdict", _verdict),  # first, as the rest may be beyond a phone's edge
        Column("accuracy, points", _accuracy_change),
        Column("bytes", lambda model: _growth(model["bytes"])),
        Column("time", _time_ratio),
        Column("instructions", lambda model: _growth(model["instructions"])),
    ]
    return tabulate(found["models"], columns)


def per_class(doc: Document) -> Table | None:
    """Tabulate the share of each class that a model misses; None without accuracy.

    No share stands out: a model that names a class too often misses none of it.
    """
    models = scored(doc)
    if not models:
        return None

    def missed(at: int) -> Value:
        def share(model: dict[str, Any]) -> float | None:
            recall = model["test"]["per_class"][at]["recall"]
            return None if recall is None else 1 - recall

        return share

    labels = models[0]["test"]["classes"]
    columns = [
        Column(label, missed(at), lambda share: f"{100 * share:.2f}")
        for at, label in enumerate(labels)
    ]
    f1 = percent("macro F1", lambda model: model["test"]["macro"]["f1"], best=max)
    return tabulate(models, [name(), *columns, f1])


def _accuracy(doc: Document, head: str) -> list[Column]:
    digits = accuracy_digits((doc.get("data") or {}).get("n") or 0)

    def of(key: str) -> Value:
        return lambda model: (model.get("test") or {}).get(key)

    def interval(ends: Sequence[float]) -> str:
        return "–".join(f"{100 * end:.{digits}f}" for end in ends)

    return [
        percent(head, of("accuracy"), digits=digits, best=max),
        Column(INTERVAL, of("interval"), interval),
        Column("errors", of("errors"), whole, min),
    ]


def _percentiles(what: str) -> list[Column]:
    heads = {"p50": f"{what} p50", "p90": "p90", "p99": "p99"}
    return [
        microseconds(head, partial(percentile_ms, which=which)) for which, head in heads.items()
    ]


def _part(key: str) -> Value:
    return lambda model: model[key]


def _pair(key: str) -> Value:
    """Give a figure of the comparison with the first model."""
    return lambda model: (model.get("against_first") or {}).get(key)


def _of_run(key: str) -> Value:
    return lambda model: (model.get("latency") or {}).get(key) or None


def _of_calls(key: str) -> Value:
    return lambda model: ((model.get("latency") or {}).get("invoke") or {}).get(key)


def _instructions(model: Model) -> int | None:
    return ((model.get("latency") or {}).get("instructions") or {}).get("per_call")


def _partners(model: Model) -> str:
    """Name a model, and what it is compared with where that has another name."""
    was = model.get("baseline_name") or model["name"]
    return short_name(model["name"], _NAME) + (f" (was {was})" if was != model["name"] else "")


def _accuracy_change(model: Model) -> str | None:
    found = model["accuracy"]
    if not found:
        return None
    change, low, high = (100 * found[key] for key in ("difference", "low", "high"))
    return f"{change:+.2f} ({low:+.2f} to {high:+.2f})".replace("-", "−")


def _growth(found: dict[str, Any] | None) -> str | None:
    if not found:
        return None
    before, after = found["before"], found["after"]
    if before == after or not before:
        return "same" if before == after else whole(after)
    return f"{100 * (after / before - 1):+.1f} %".replace("-", "−")


def _time_ratio(model: Model) -> str | None:
    found = model["latency"]
    if not found or found["ratio"] is None:
        return None
    return "× {ratio:.2f} ({low:.2f} to {high:.2f})".format(**found)


def _verdict(model: Model) -> str:
    parts = ("accuracy", "bytes", "latency", "instructions")
    worse = [part for part in parts if (model[part] or {}).get("regression")]
    return "worse: " + ", ".join(worse) if worse else "not worse"
