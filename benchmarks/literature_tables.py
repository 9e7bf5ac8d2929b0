"""Write the tables and figures of LITERATURE.md from results/literature.json.

python benchmarks/literature_tables.py            writes them
python benchmarks/literature_tables.py --check    exits 1 when they are not those of the results
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from literature_facts import (
    GROUPS,
    NEIGHBOUR,
    Document,
    Row,
    axis,
    best_of_sweep,
    epochs,
    few_shot,
    label_counts,
    mean,
    of_group,
    sweep,
)
from literature_figures import FIGURES
from literature_words import line, micro, reached, reported, size, table_head, training

from edge_hdr.report.numbers import percent, whole

HERE = Path(__file__).parent
PAGE, RESULTS = HERE / "LITERATURE.md", HERE / "results"
COMMAND = "python benchmarks/literature_tables.py"
UNMEASURED = "Not measured yet."
CRITICAL = ("throttled", "hot", "busy")


def accuracy(doc: Document) -> str:
    """Give the table of what every system reaches, and what its training took."""
    head = ("system", "reported", "here", "n", "precision", "recall", "F1", "trained on",
            "augmentation", "epochs", "training, min")  # fmt: skip
    return grouped(doc, head, _accuracy_cells)


def _accuracy_cells(row: Row) -> Sequence[str]:
    scores = (percent(mean(row, key)) for key in ("precision", "recall", "f1"))
    trained = (whole(row["train_n"]), row["augmentation"], str(row["epochs"] or "–"))
    return (row["title"], reported(row), reached(row), str(len(row["runs"])), *scores, *trained,
            training(row))  # fmt: skip


def cost(doc: Document) -> str:
    """Give the table of what every system costs where it runs."""
    head = ("system", "variant", "parameters", "MACs", "file", "flatbuffer", "one call", "kernels",
            "kernels ÷ lenet5")  # fmt: skip
    return grouped(doc, head, _cost_cells)


def _cost_cells(row: Row) -> Sequence[str]:
    counts = (whole(row[key]) for key in ("parameters", "macs"))
    sizes = (size(row[key]) for key in ("file_bytes", "flatbuffer_bytes"))
    times = (micro(row[key]) for key in ("call_p50_us", "invoke_p50_us"))
    ratio = row["ratio_to_lenet5"]
    return (row["title"], row["variant"] or "–", *counts, *sizes, *times,
            "–" if ratio is None else f"{ratio:,.2f} ×")  # fmt: skip


def notes(doc: Document) -> str:
    """List what is ours in each system, where its source leaves it open."""
    rows = [row for group in GROUPS for row in of_group(doc, group) if row["notes"]]
    return "\n".join(f"- {row['title']}: {row['notes']}." for row in rows)


def hidden_by_epochs(doc: Document) -> str:
    """Give validation and test accuracy by hidden layers and epochs, and validation's choice."""
    cells, chosen = sweep(doc), best_of_sweep(doc)
    if chosen is None:
        return ""
    counts = axis(cells, 1)
    lines = table_head(("hidden layers", *(f"{count} epochs" for count in counts)), text=1)
    for hidden in axis(cells, 0):
        row = [_sweep_cell(cells.get((hidden, count))) for count in counts]
        lines.append(line((str(hidden), *row)))
    n = len(chosen["runs"])
    told = f"reported {reported(chosen)}; " if chosen["reported"] else ""
    lines += [
        "",
        f"Each cell: validation, then test; {n} run{'s' if n > 1 else ''} each. Validation chooses "
        f"{chosen['hidden_layers']} hidden layer{'s' if chosen['hidden_layers'] > 1 else ''} and "
        f"{epochs(chosen)} epochs: {told}here {reached(chosen)} on test.",
    ]
    return "\n".join(lines)


def _sweep_cell(row: Row | None) -> str:
    if row is None:
        return "–"
    return f"{percent(mean(row, 'validation_accuracy'))}, {percent(row['accuracy'])}"


def few_labels(doc: Document) -> str:
    """Give accuracy with few labels by where training starts, and the gain over no start."""
    found = few_shot(doc)
    if not found:
        return ""
    scratch = found.get("from scratch", {})
    starts = [name for name in found if name not in {"from scratch", NEIGHBOUR}]
    gains = [f"gain {name}" for name in starts if scratch]
    lines = table_head(("labelled digits a class", *found, *gains), text=1)
    for count in label_counts(found):
        cells = [few_cell(rows.get(count)) for rows in found.values()]
        cells += [_gain(found[name].get(count), scratch.get(count)) for name in starts if scratch]
        lines.append(line((str(count), *cells)))
    return "\n".join([*lines, "", "Mean ± sd over the draws of labelled digits (their number)."])


def few_cell(row: Row | None) -> str:
    """Write a mean with its standard deviation and the number of draws."""
    return f"{reached(row)} ({len(row['runs'])})" if row else "–"


def _gain(row: Row | None, scratch: Row | None) -> str:
    if row is None or scratch is None:
        return "–"
    return f"{100 * (row['accuracy'] - scratch['accuracy']):+.2f} points"


def robustness(doc: Document) -> str:
    """Give mean errors under corruption and what non-digits do, where they were measured."""
    rows = [row for row in doc.get("systems", []) if row.get("robustness")]
    if not rows:
        return ""
    head = ("system", "clean", "corrupted, mean", "the same, normalized", "AUROC, non-digits",
            "coverage at 99.9 % right", "with non-digits", "PGD, ε 0.1, 0.2, 0.3")  # fmt: skip
    lines = table_head(head, text=1)
    for row in rows:
        found = row["robustness"]
        selective = found.get("selective") or {}
        lines.append(
            line(
                (
                    row["title"],
                    percent(found["clean"]["plain"]),
                    percent(found["mean"]["plain"], digits=1),
                    percent(found["mean"]["normalized"], digits=1),
                    "–" if found.get("auroc") is None else f"{found['auroc']:.3f}",
                    percent(selective.get("coverage"), digits=1),
                    percent(selective.get("coverage_with_non_digits"), digits=1),
                    _attacks(found.get("adversarial")),
                )
            )
        )
    sizes = sorted({row["robustness"]["n"] for row in rows})
    n = ", ".join(whole(size) for size in sizes)
    note = f"Errors of n = {n} test digits a kind and severity."
    source = next((row["robustness"].get("adversarial") for row in rows), None)
    if source:
        note += f" Attacks are made for the float model of {source['source']} and shown to all."
    return "\n".join([*lines, "", note])


def _attacks(found: Document | None) -> str:
    """Give the errors under PGD by its strength."""
    if not found:
        return "–"
    return ", ".join(percent(error, digits=1) for _, error in sorted(found["pgd"].items()))


def conditions(doc: Document) -> str:
    """Say where the times were taken and what disturbed them."""
    measured = doc["measurement"]
    place, method = measured.get("environment", {}), measured.get("method", {})
    parts = (place.get("board"), place.get("processor"), measured.get("interpreter"))
    lines = [f"Times: {', '.join(str(part) for part in parts if part)}; "
             f"medians, {method.get('threads', 1)} thread, all systems in turns."]  # fmt: skip
    marks = measured.get("marks", [])
    if marks:
        weight = "should not be" if set(marks) & set(CRITICAL) else "can still be"
        lines.append(f"The run was marked {', '.join(marks)}: its times {weight} compared.")
    return "\n".join(lines)


def summary(doc: Document) -> str:
    """Give the short table for the README: reported, here, bytes and time against LeNet-5."""
    head = ("system", "reported", "here", "file", "kernels ÷ lenet5")
    lines = table_head(head, text=1)
    for row in [*of_group(doc, "literature"), *of_group(doc, "ours")]:
        ratio = row["ratio_to_lenet5"]
        cells = (reported(row, where=False), reached(row), size(row["file_bytes"]))
        lines.append(line((row["title"], *cells, "–" if ratio is None else f"{ratio:,.2f} ×")))
    return "\n".join(lines)


def grouped(doc: Document, head: Sequence[str], cells: Callable[[Row], Sequence[str]]) -> str:
    """Make a table with a line for each group's name."""
    lines = table_head(head, text=1)
    for group, title in GROUPS.items():
        rows = of_group(doc, group)
        if rows:
            lines.append(line((f"**{title}**", *[""] * (len(head) - 1))))
        lines += [line(cells(row)) for row in rows]
    return "\n".join(lines)


PARTS: dict[str, Callable[[Document], str]] = {
    "accuracy": accuracy,
    "cost": cost,
    "conditions": conditions,
    "notes": notes,
    "sweep": hidden_by_epochs,
    "few-shot": few_labels,
    "robustness": robustness,
}


def picture(doc: Document, name: str, folder: Path) -> str:
    """Give a figure's line, with digests by which an old file or old results show."""
    path = folder / f"{name}.png"
    if not doc or not path.exists():
        return UNMEASURED
    rows = hashlib.sha256(json.dumps(doc["systems"], sort_keys=True).encode()).hexdigest()
    file = hashlib.sha256(path.read_bytes()).hexdigest()
    shown = f"![{FIGURES[name][1]}]({folder.name}/{path.name})"
    return f"{shown}\n<!-- results {rows[:12]}, file {file[:12]} -->"


def parts(doc: Document, folder: Path) -> dict[str, Callable[[], str]]:
    """Give each marked part of the page and what makes it, as `readme_tables.fill` takes them."""
    made: dict[str, Callable[[], str]] = {
        name: lambda make=make: (make(doc) if doc else "") or UNMEASURED  # type: ignore[misc]
        for name, make in PARTS.items()
    }
    for name in FIGURES:
        made[name] = lambda name=name: picture(doc, name, folder)  # type: ignore[misc]
    return made


def draw(doc: Document, folder: Path) -> None:
    """Draw the figures anew; one without anything to draw is removed."""
    from edge_hdr.report.canvas import save

    for name, (make, _) in FIGURES.items():
        path = folder / f"{name}.png"
        if not doc or not save(make, path, doc):
            path.unlink(missing_ok=True)


def read(folder: Path = RESULTS) -> Document:
    """Read the results; an empty dictionary when nothing was measured."""
    path = folder / "literature.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def run(page: Path, folder: Path, *, check: bool) -> bool:
    """Write a page's marked parts and figures, or only tell whether they were up to date."""
    sys.path.append(str(HERE.parent / "scripts"))
    from readme_tables import fill

    doc, old = read(folder), page.read_text()
    if not check:
        draw(doc, folder)
    new = fill(old, parts(doc, folder))
    if not check:
        page.write_text(new)
    return old == new


def main() -> int:
    """Write the tables and figures, or under --check say whether they are up to date."""
    check = "--check" in sys.argv
    fresh = run(PAGE, RESULTS, check=check)
    if check and not fresh:
        print(f"{PAGE.name} is not what the results give; run: {COMMAND}", file=sys.stderr)
    return int(check and not fresh)


if __name__ == "__main__":
    sys.exit(main())
