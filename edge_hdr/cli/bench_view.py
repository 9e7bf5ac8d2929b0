"""Show a bench run and its comparison to a person."""

from __future__ import annotations

from typing import Any

from edge_hdr.cli import fitted, render


def show(document: dict[str, Any]) -> None:
    """Print the table of the models, the comparison and what speaks against the figures."""
    from edge_hdr.report import bench_tables, bench_words

    console = render.console()
    for warning in document["warnings"]:
        render.note(f"warning: {warning}")
    summary = bench_tables.summary(document)
    spare = [fitted.words(head) for head in (bench_tables.RATE, bench_tables.INTERVAL, "frame ms")]
    heads = fitted.show(console, _title(document), [summary.head, *summary.rows], spare)
    for line in bench_words.under_the_table(document, heads):
        console.print(line, markup=False)
    if comparison := document["comparison"]:
        _show_comparison(comparison)
    for name in document["files"]:
        console.print(f"written: {name}", markup=False)


def _title(document: dict[str, Any]) -> str:
    data, environment = document["data"], document["measurement"]["environment"]
    on = f"{data['test_name']}, n = {data['n']:,}; " if data else ""
    return f"{on}{document['target'] or environment['board']}, {environment['processor']}"


def _show_comparison(comparison: dict[str, Any]) -> None:
    console = render.console()
    head = ["model", "errors", "p", "bytes", "time", "95 % interval", "instructions"]
    columns = zip(head, *map(_row, comparison["models"]), strict=True)
    told = [column for column in columns if set(column[1:]) != {"–"}]
    cells = list(zip(*told, strict=True))
    fitted.show(console, f"Against {comparison['baseline']}", cells, ("instructions", "p"))
    if comparison["why_not"]:
        render.note(f"warning: times were not compared: {comparison['why_not']}")
    beside = {model["latency"]["relative_to"] for model in comparison["models"]} - {None}
    if beside:
        console.print(f"Times are beside {beside.pop()}'s, the same file in both.", markup=False)
    for model in comparison["models"]:
        if why := model["latency"]["why_not"]:
            render.note(f"warning: {model['name']}: its times were not compared: {why}")
        if model["accuracy"] is None:
            render.note(f"warning: {model['name']}: accuracy was measured in one run only")
    for name in comparison["missing"]:
        render.note(f"warning: {name} is in the baseline and was not measured")
    for sentence in comparison["regressions"]:
        console.print(f"worse: {sentence}", markup=False)


def _row(model: dict[str, Any]) -> list[str]:
    from edge_hdr.report.numbers import p_value

    accuracy, latency = model["accuracy"], model["latency"]
    errors = p = time = interval = "–"
    if accuracy:
        errors = f"{accuracy['errors_before']:,} → {accuracy['errors_after']:,}"
        p = p_value(accuracy["p_value"])
    if latency["ratio"] is not None:
        time = f"{latency['ratio'] - 1:+.1%}"
        interval = f"{latency['low'] - 1:+.1%} to {latency['high'] - 1:+.1%}"
    grown = _growth(model["bytes"]), _growth(model["instructions"])
    was = model.get("baseline_name") or model["name"]
    name = model["name"] + (f" (was {was})" if was != model["name"] else "")
    return [name, errors, p, grown[0], time, interval, grown[1]]


def _growth(found: dict[str, Any] | None) -> str:
    return "–" if found is None else f"{found['after'] / found['before'] - 1:+.1%}"
