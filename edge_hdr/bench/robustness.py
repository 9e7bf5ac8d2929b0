"""The robustness of a run's models, all shown the same damaged digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edge_hdr.bench.subjects import ModelFile, Options, start

if TYPE_CHECKING:
    from edge_hdr.bench.examples import Examples
    from edge_hdr.bench.request import Reporter, Request
    from edge_hdr_device.bench.subject import Subject

SEED = 0  # of the corruptions


def robustness_of(
    request: Request,
    files: Sequence[ModelFile],
    subjects: dict[str, Subject],
    examples: Examples,
    reporter: Reporter,
) -> dict[str, dict[str, Any]]:
    """Show all models the same damaged digits, on this computer.

    Args:
        request: what was asked for.
        files: that were measured; those that are not here are passed over.
        subjects: those that are open, by name.
        examples: of which some are damaged.
        reporter: is told.

    Returns:
        The figures by the model's name; none where they were not asked for.
    """
    if not request.robustness:
        return {}
    from edge_hdr.robustness.measure import Examined, measure_all

    here = [file for file in files if file.content is not None]
    options = Options(request.options.input_range)
    models = [
        Examined(
            (subjects.get(file.name) or start(file, options)).logits,
            file.temperature,
            file.threshold,
        )
        for file in here
    ]
    found = measure_all(
        models,
        examples.part,
        n=request.robustness,
        seed=SEED,
        adversary=request.adversary,
        progress=reporter.progress,
    )
    return {file.name: figures for file, figures in zip(here, found, strict=True)}
