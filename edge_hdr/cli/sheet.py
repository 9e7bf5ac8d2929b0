"""`edge-hdr sheet`: a page to print, to write digits on and to photograph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edge_hdr.cli import render
from edge_hdr.errors import StorageError, UsageError, nearest
from edge_hdr.form.marks import MAX_PAGES, MAX_SEED, PAPERS, ROWS

if TYPE_CHECKING:
    from edge_hdr.form.layout import Layout


def sheet(
    out: Path = typer.Option(Path("sheet.pdf"), "--out", "-o", help="The PDF file."),
    paper: str = typer.Option("a4", "--paper", help=f"{' or '.join(PAPERS)}."),
    rows: int = typer.Option(
        12, "--rows", min=ROWS[0], max=ROWS[-1], help="Rows of ten boxes on a page."
    ),
    pages: int = typer.Option(2, "--pages", min=1, max=MAX_PAGES, help="How many to draw."),
    seed: int = typer.Option(
        0, "--seed", min=0, max=MAX_SEED, help="Number of the sheet: another order of digits."
    ),
    force: bool = typer.Option(False, "--force", help="Overwrite the file."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Draw a sheet with boxes to write digits in, for one's own hand and camera.

    Print it at any scale, write the small printed digit into each box, photograph each page whole.
    `edge-hdr evaluate --sheet photo.jpg` finds the boxes by the marks around them, reads them, and
    writes them as examples for `edge-hdr adapt`. A page is enough; the second makes it surer.
    """
    paper = _known(paper)
    _check_target(out, force=force)

    from edge_hdr.form.draw import pdf
    from edge_hdr.form.layout import Layout
    from edge_hdr.form.marks import PageCode
    from edge_hdr_device.storage import write_atomic

    layouts = [Layout(PageCode(paper, rows, number + 1, seed)) for number in range(pages)]
    write_atomic(out, pdf(layouts))
    boxes = sum(len(layout.boxes) for layout in layouts)
    render.emit(
        command="sheet",
        data={"file": str(out), "paper": paper, "pages": pages, "boxes": boxes, "seed": seed,
              "rows": rows, "prompts": [_asked(layout) for layout in layouts]},
        human=f"written: {out}, {pages} page{'s' if pages > 1 else ''} of {paper}, {boxes} boxes",
        as_json=json,
    )  # fmt: skip


def _asked(layout: Layout) -> list[str]:
    """Give what a page asks for, a text a row."""
    digits = "".join(box.digit for box in layout.boxes)
    width = len(digits) // layout.code.rows
    return [digits[start : start + width] for start in range(0, len(digits), width)]


def _known(paper: str) -> str:
    if paper.lower() not in PAPERS:
        raise UsageError(f"--paper {paper!r} is not known", hint=nearest(paper.lower(), PAPERS))
    return paper.lower()


def _check_target(out: Path, *, force: bool) -> None:
    """Make sure that nothing is overwritten unasked, before any work is done."""
    if out.suffix.lower() != ".pdf":
        raise UsageError(f"--out {out}: no PDF's name", hint="name it sheet.pdf, for example")
    if out.is_dir():
        raise StorageError(f"{out} is a folder", hint="give --out the name of a file")
    if out.exists() and not force:
        raise StorageError(f"{out} exists", hint="give --out another name, or add --force")
