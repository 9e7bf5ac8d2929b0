"""Compare a run with a baseline: what became worse, beyond noise."""

from __future__ import annotations

from math import exp, log, sqrt
from statistics import fmean, variance
from typing import Any

from edge_hdr.bench.baseline import Document, Measured, check_fit, data_sha256, measured
from edge_hdr.comparison import mcnemar_exact
from edge_hdr_device.bench.times import T_975

ALPHA = 0.05
_Z_95 = 1.959963984540054


def compare(
    baseline: Document, document: Document, tolerance: float, *, path: str = ""
) -> dict[str, Any]:
    """Compare a run with a baseline, each model with its partner there.

    - Accuracy is a regression where McNemar's test on the same examples says so at 5 %.
    - Bytes and instructions are one beyond the tolerance.
    - Latency is one where its ratio is beyond the tolerance and the interval of the ratio is above
      1. It is judged only where both runs are undisturbed and of the same processor, interpreter,
      delegate and threads. Where the first model is the same file in both runs, the times of the
      others are divided by its own, which cancels what the whole machine did.

    Args:
        baseline: a bench document, see `edge_hdr.bench.baseline.read_baseline`.
        document: the run's, likewise.
        tolerance: share by which bytes, time and instructions may grow.
        path: of the baseline, as it is named in the result.

    Returns:
        What `comparison` of a bench document holds; `regressions` has a sentence for each.

    Raises:
        InputError: see `edge_hdr.bench.baseline.check_fit`.
    """
    old, new = measured(baseline), measured(document)
    names = check_fit(baseline, list(new.values()), data_sha256(document))
    pairs = {name: (old[partner], new[name]) for name, partner in names.items()}
    why_not = _why_not(baseline, document)
    anchor = _anchor(pairs, first=next(iter(new)))
    models: list[dict[str, Any]] = []
    regressions: list[str] = []
    for name, (before, after) in pairs.items():
        found = {
            "name": name,
            "baseline_name": before.name,
            "accuracy": _accuracy(before, after),
            "bytes": _growth(before.file_bytes, after.file_bytes, tolerance),
            "latency": _latency(before, after, anchor, tolerance, judged=not why_not),
            "instructions": _instructions(before, after, tolerance, baseline, document),
        }
        models.append(found)
        regressions += _regressions(found, tolerance)
    return {
        "baseline": path,
        "comparable": not why_not,
        "why_not": why_not,
        "tolerance": tolerance,
        "models": models,
        "missing": [name for name in old if name not in names.values()],
        "new": [name for name in new if name not in names],
        "regressions": regressions,
    }


def paired_interval(only_before: int, only_after: int, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a paired difference of accuracies, after less before.

    Args:
        only_before: examples that were wrong before and are right now.
        only_after: examples that were right before and are wrong now.
        n: examples.

    Source: D. G. Bonett and R. M. Price, Journal of Educational and Behavioral Statistics 37,
    2012: Wald's interval with one example added to each discordant cell.
    """
    gained, lost = (only_before + 1) / (n + 2), (only_after + 1) / (n + 2)
    half = _Z_95 * sqrt((gained + lost - (gained - lost) ** 2) / (n + 2))
    return gained - lost - half, gained - lost + half


def ratio_interval(
    before: tuple[float, ...], after: tuple[float, ...]
) -> tuple[float, float, float]:
    """Give the ratio of two runs' times, after / before, and its 95 % interval.

    The windows' medians are independent measurements; their logarithms are compared by Welch's
    t-interval with the smaller run's degrees of freedom, which is on the safe side.

    Args:
        before: the windows' medians of the one run, > 0.
        after: those of the other.

    Returns:
        Ratio of the geometric means, and its interval; with one window an infinite one.
    """
    first, second = ([log(time) for time in times] for times in (before, after))
    ratio = fmean(second) - fmean(first)
    freedom = min(len(first), len(second)) - 1
    if not freedom:
        return exp(ratio), 0.0, float("inf")
    half = T_975[min(freedom, len(T_975)) - 1] * sqrt(
        variance(first) / len(first) + variance(second) / len(second)
    )
    return exp(ratio), exp(ratio - half), exp(ratio + half)


def _why_not(baseline: Document, document: Document) -> str:
    """Say why the times of two runs are not compared; empty where they are."""
    runs = {"baseline": baseline["measurement"], "run": document["measurement"]}
    for name, run in runs.items():
        if not run["comparable"]:
            marks = ", ".join(run.get("marks", [])) or "disturbed"
            return f"the {name} was measured on a machine that was {marks}"
    return _other_machine(*runs.values())


def _other_machine(before: dict[str, Any], after: dict[str, Any]) -> str:
    old, new = before["environment"], after["environment"]
    pairs = {
        "processor": (old["processor"], new["processor"]),
        "machine": (old["machine"], new["machine"]),
        "interpreter": (before["interpreter"], after["interpreter"]),
    }
    for name, (was, is_) in pairs.items():
        if was != is_:
            return f"another {name}: {was} before, {is_} now"
    return ""


def _anchor(
    pairs: dict[str, tuple[Measured, Measured]], *, first: str
) -> tuple[Measured, Measured] | None:
    """Give the run's first model before and now, where it is the same file, run alike.

    None also where it is the only model in both: then there is nothing to divide by it.
    """
    if first not in pairs or len(pairs) < 2:
        return None
    before, after = pairs[first]
    same = before.sha256 == after.sha256 and before.setting == after.setting
    return (before, after) if same else None


def _accuracy(before: Measured, after: Measured) -> dict[str, Any] | None:
    if not before.n or not after.n:
        return None
    healed, broken = len(before.wrong - after.wrong), len(after.wrong - before.wrong)
    low, high = paired_interval(healed, broken, after.n)
    p_value = mcnemar_exact(broken, healed)
    return {
        "before": 1 - len(before.wrong) / before.n,
        "after": 1 - len(after.wrong) / after.n,
        "errors_before": len(before.wrong),
        "errors_after": len(after.wrong),
        "difference": (healed - broken) / after.n,
        "low": low,
        "high": high,
        "p_value": p_value,
        "regression": broken > healed and p_value < ALPHA,
    }


def _growth(before: int | None, after: int | None, tolerance: float) -> dict[str, Any] | None:
    if before is None or after is None:
        return None
    regression = after > before * (1 + tolerance)
    return {"before": before, "after": after, "regression": regression}


def _latency(
    before: Measured,
    after: Measured,
    anchor: tuple[Measured, Measured] | None,
    tolerance: float,
    *,
    judged: bool,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "before_ms": before.p50_ms, "after_ms": after.p50_ms, "ratio": None, "low": None,
        "high": None, "regression": False, "relative_to": None, "why_not": "",
    }  # fmt: skip
    if not judged:
        return found
    if before.setting != after.setting:
        return {**found, "why_not": f"{before.setting} before, {after.setting} now"}
    first, second = before.windows_ms, after.windows_ms
    is_anchor = anchor is not None and after is anchor[1]
    if anchor and not is_anchor:
        found["relative_to"] = anchor[1].name
        first, second = _divided(first, anchor[0]), _divided(second, anchor[1])
    ratio, low, high = ratio_interval(first, second)
    return {
        **found,
        "ratio": ratio,
        "low": low,
        "high": high,
        # of the same file it is the machine that changed, which is what the others are freed of
        "regression": not is_anchor and ratio > 1 + tolerance and low > 1,
    }


def _divided(times: tuple[float, ...], anchor: Measured) -> tuple[float, ...]:
    """Divide each window's median by the anchor's in the same window."""
    return tuple(time / base for time, base in zip(times, anchor.windows_ms, strict=False))


def _instructions(
    before: Measured,
    after: Measured,
    tolerance: float,
    baseline: Document,
    document: Document,
) -> dict[str, Any] | None:
    """Compare what hardly varies: a disturbed board's counts are as good as any."""
    if before.setting != after.setting:
        return None
    if _other_machine(baseline["measurement"], document["measurement"]):
        return None
    return _growth(before.instructions, after.instructions, tolerance)


def _regressions(found: dict[str, Any], tolerance: float) -> list[str]:
    """Write a sentence for each regression of a model."""
    name, was, sentences = found["name"], found["baseline_name"], []
    if was != name:
        name = f"{name}, {was} in the baseline"
    accuracy, latency = found["accuracy"], found["latency"]
    if accuracy and accuracy["regression"]:
        sentences.append(
            f"{name}: {accuracy['errors_after']} errors instead of {accuracy['errors_before']} "
            f"on the same examples (McNemar p = {accuracy['p_value']:.2g})"
        )
    for key, what in (("bytes", "bytes"), ("instructions", "instructions a call")):
        growth = found[key]
        if growth and growth["regression"]:
            share = growth["after"] / growth["before"] - 1
            sentences.append(
                f"{name}: {growth['after']:,} {what} instead of {growth['before']:,} "
                f"({share:+.1%}, tolerance {tolerance:.0%})"
            )
    if latency["regression"]:
        beside = f" beside {latency['relative_to']}" if latency["relative_to"] else ""
        sentences.append(
            f"{name}: {latency['ratio']:.2f} × the time a call{beside} "
            f"(95 % interval {latency['low']:.2f} to {latency['high']:.2f}), "
            f"{latency['after_ms']:.4g} ms instead of {latency['before_ms']:.4g} ms"
        )
    return sentences
