"""Run a bench: open models, ask them the whole split, time them in turns, assemble."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.bench.baseline import check_fit
from edge_hdr.bench.candidates import Candidates
from edge_hdr.bench.cautions import cautions
from edge_hdr.bench.compare import compare
from edge_hdr.bench.document import Result, assemble
from edge_hdr.bench.examples import Examples, load_examples
from edge_hdr.bench.ranges import range_of_run, range_warnings
from edge_hdr.bench.request import Board, Reporter, Request
from edge_hdr.bench.robustness import robustness_of
from edge_hdr.bench.subjects import (
    ONNX,
    ModelFile,
    Options,
    arguments,
    read_model_file,
)
from edge_hdr.errors import ModelError
from edge_hdr.evaluate import evaluate_logits
from edge_hdr_device import released

if TYPE_CHECKING:
    from edge_hdr_device.bench.measure import Plan
    from edge_hdr_device.bench.subject import Subject

Logits = NDArray[np.float32]
ASKED_AT_ONCE = 2048  # so that the progress of slow models is seen


def run(request: Request, reporter: Reporter) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure models side by side.

    Returns:
        The bench document, with the models that could not be used in `failed`; and for the report
        `images` and `labels` of the split and `logits` float32 (N, classes) by model.

    Raises:
        ModelError: no model can be used.
        DataError: the data set is missing, damaged or empty.
        InputError: the baseline does not fit.
        EdgeHdrError: of a board, see `edge_hdr.bench.on_board.measure_on`.
    """
    board = request.board
    if request.adversary:
        from edge_hdr.robustness.adversarial import check_adversary

        check_adversary(request.adversary)
    names = list(request.models) if board else arguments(request.models)
    models = Candidates(names, reporter)
    if board is None:
        models.start(request.options)
    else:
        limits = range_of_run(models.files, request.options)
        models.each(lambda file: _check_for_board(file, limits, request.options))
    examples = _examples(request, models, reporter) if request.accuracy else None
    if request.baseline and models.files:
        sha256 = examples.sha256 if examples else None
        check_fit(request.baseline.document, models.files, sha256)
    if board is None:
        measurement, logits = _measure_here(request, models, examples, reporter)
        files = models.files
    else:
        measurement, logits, files = _measure_there(request, board, models, examples, reporter)
        if examples and not models.files:
            examples = examples.fitted([measurement["models"][0]["classes"]])
    robustness, ranges = {}, []
    if examples:
        robustness = robustness_of(request, files, models.subjects, examples, reporter)
        ranges = range_warnings(request, models.files, models.subjects, examples, reporter)
    results = _results(files, measurement, logits, examples, robustness)
    document = assemble(
        results,
        measurement=measurement,
        data=examples.to_dict() if examples else None,
        labels=examples.part.labels if examples else None,
        target=board.target if board else None,
        command=request.command,
        warnings=[*ranges, *cautions(request, files, measurement, examples)],
    )
    document["failed"] = [failure.to_dict() for failure in models.failures]
    if baseline := request.baseline:
        document["comparison"] = compare(
            baseline.document, document, baseline.tolerance, path=str(baseline.path)
        )
    arrays: dict[str, Any] = {"logits": logits}
    if examples:
        arrays |= {"images": examples.part.images, "labels": examples.part.labels}
    return document, arrays


def _check_for_board(file: ModelFile, limits: tuple[float, float] | None, options: Options) -> None:
    if file.path.suffix == ONNX:
        raise ModelError(
            f"{file.path}: a board runs .tflite files", hint="measure it here, without --on"
        )
    if not file.manifest and file.input_range(options) != limits:
        raise ModelError(
            f"{file.path}: it takes another input range than the others without a manifest",
            hint="measure it on the board in a run of its own",
        )


def _examples(request: Request, models: Candidates, reporter: Reporter) -> Examples:
    """Load the split, labelled as the models' outputs are; models of other classes are left out."""
    known = {file.name: _classes(file, models) for file in models.files}
    examples = load_examples(request, models.files, reporter).fitted(list(known.values()))
    models.each(lambda file: examples.check(file.path, known[file.name]))
    return examples


def _classes(file: ModelFile, models: Candidates) -> Sequence[str] | None:
    """Give what a model's outputs stand for; None where neither file nor subject says."""
    if file.manifest:
        return file.manifest.labels
    return getattr(models.subjects.get(file.name), "classes", None)


def _plan(request: Request) -> Plan:
    from edge_hdr_device.bench.measure import Plan

    return Plan(
        seconds=request.seconds, frame=request.frame, sweep=request.sweep, cold=request.cold
    )


def _measure_here(
    request: Request, models: Candidates, examples: Examples | None, reporter: Reporter
) -> tuple[dict[str, Any], dict[str, Logits]]:
    """Ask each model the whole split, then time all in turns: the same subjects for both."""
    from edge_hdr_device.bench.measure import measure

    logits: dict[str, Logits] = {}
    if examples:
        images = examples.part.images

        def ask_one(file: ModelFile) -> None:
            logits[file.name] = ask(file, models.subjects[file.name], images, reporter)

        models.each(ask_one)
    subjects = [models.subjects[file.name] for file in models.files]
    return measure(subjects, _plan(request), progress=reporter.progress), logits


def ask(file: ModelFile, subject: Subject, images: NDArray[np.uint8], reporter: Reporter) -> Logits:
    """Let a model classify all images, telling how far it is.

    Args:
        file: of the model.
        subject: the same, opened.
        images: uint8 (N, 28, 28), N ≥ 1, ink 255 on background 0.
        reporter: is told.

    Returns:
        float32 (N, classes).

    Raises:
        ModelError: it gives values that are no numbers, or does not run.
    """
    pieces: list[Logits] = []
    for at in range(0, len(images), ASKED_AT_ONCE):
        pieces.append(subject.logits(images[at : at + ASKED_AT_ONCE]))
        done = min(at + ASKED_AT_ONCE, len(images))
        reporter.progress(f"{file.name} reads", done, len(images))
    logits = np.concatenate(pieces)
    check_numbers(file, logits)
    return logits


def check_numbers(file: ModelFile, logits: Logits) -> None:
    """Make sure that a model's answers are numbers.

    Args:
        file: of the model.
        logits: float32 (N, classes).

    Raises:
        ModelError: some are not finite; names the file.
    """
    if not np.isfinite(logits).all():
        raise ModelError(
            f"{file.path} gives values that are no finite numbers",
            hint="its weights or its --input-range are wrong; try 0,1 or -1,1 or 0,255",
        )


def _measure_there(
    request: Request,
    board: Board,
    models: Candidates,
    examples: Examples | None,
    reporter: Reporter,
) -> tuple[dict[str, Any], dict[str, Logits], list[ModelFile]]:
    """Let a board measure and answer; a model that it cannot use is left out."""
    from edge_hdr.bench.on_board import measure_on

    options = request.options
    measurement, answers = measure_on(
        board.connection,
        board.installed,
        models.files,
        _plan(request),
        examples.part.images if examples else None,
        reporter,
        model=board.model,
        threads=options.threads,
        delegate=options.delegate,
        input_range=range_of_run(models.files, options),
    )
    failed = {failure["file"]: failure for failure in measurement.pop("failed")}
    entries = {entry["name"]: entry for entry in measurement["models"]}

    def check(file: ModelFile) -> None:
        if failure := failed.get(str(file.path)):
            raise ModelError(failure["message"], hint=failure["hint"])
        if examples:
            examples.check(file.path, entries[file.name]["classes"])
            check_numbers(file, answers[file.name])

    files = models.files
    if not files:
        [(name, entry)] = entries.items()
        own = _file_of(entry)
        files, entries = [own], {own.name: {**entry, "name": own.name}}
        if examples:
            answers = {own.name: answers[name]}
            examples = examples.fitted([entry["classes"]])
        check(own)
    models.each(check)
    return {**measurement, "models": [entries[file.name] for file in files]}, answers, files


def _file_of(entry: dict[str, Any]) -> ModelFile:
    """Find a board's own model among the released ones, by its bytes."""
    for name in released.names():
        file = read_model_file(name)
        if file.sha256 == entry["sha256"]:
            return file
    return ModelFile(str(entry["name"]), Path(entry["path"]), None, None)


def _results(
    files: Sequence[ModelFile],
    measurement: dict[str, Any],
    logits: dict[str, Logits],
    examples: Examples | None,
    robustness: dict[str, dict[str, Any]],
) -> list[Result]:
    results = []
    for file, entry in zip(files, measurement["models"], strict=True):
        evaluation = None
        if examples and file.name in logits:
            evaluation = evaluate_logits(
                logits[file.name],
                examples.part.labels,
                classes=examples.classes,
                temperature=file.temperature,
                threshold=file.threshold,
            )
        results.append(Result(file, entry, evaluation, robustness.get(file.name)))
    return results
