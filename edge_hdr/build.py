"""From data to a verified model: the steps behind `edge-hdr build`."""

from __future__ import annotations

import json
import platform
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_hdr import __version__
from edge_hdr.build_data import Material, expose, read
from edge_hdr.build_folder import (
    EDGE_TPU,
    FLOAT,
    MODEL,
    PREVIOUS,
    REJECTED,
    claim_folder,
    locked,
    record,
)
from edge_hdr.config import BuildConfig
from edge_hdr.coral import Outcome, for_coral
from edge_hdr.errors import CheckFailedError
from edge_hdr.progress import Clock, Reporter
from edge_hdr.provenance import changed, versions
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.manifest import Manifest, pack
from edge_hdr_device.storage import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_hdr.training_setup import Cluster
    from edge_hdr.verify import Verdict


@dataclass(frozen=True)
class BuildResult:
    """What a build made.

    Attributes:
        folder: where all files lie.
        model: the released file, None on a worker that is not the chief.
        metrics: the content of metrics.json.
    """

    folder: Path
    model: Path | None
    metrics: dict[str, Any]


def build(
    config: BuildConfig,
    out: Path,
    *,
    data_dir: Path | None,
    reporter: Reporter,
    command: str,
    force: bool = False,
    strict: bool = False,
) -> BuildResult:
    """Train, compress, export, verify and report.

    An unfinished build of the same settings in `out` is resumed.

    Args:
        config: all settings.
        out: folder of the build.
        data_dir: where MNIST may lie.
        reporter: is told what happens.
        command: as the user typed it, for the manifest.
        force: replace what `out` holds.
        strict: stop at the first unreadable file of a data folder.

    Raises:
        StorageError: `out` holds a finished build, or one with other settings.
        CheckFailedError: int8 makes too many errors beside float; all files but the model are
            there, and the model is kept as `rejected.tflite`.
        DataError, ConfigError, DependencyError: see `data.load`, `config`, `training_setup`.
    """
    from edge_hdr.training_setup import require_train_extra

    require_train_extra()
    with locked(out):
        claim_folder(out, config, force=force)
        return _build(config, out, data_dir, reporter, command, strict)


def _build(
    config: BuildConfig,
    out: Path,
    data_dir: Path | None,
    reporter: Reporter,
    command: str,
    strict: bool,
) -> BuildResult:
    from edge_hdr.training_setup import prepare

    cluster = prepare(config.seed, distribute=config.distribute, replicas=config.replicas)
    clock = Clock(reporter)
    with clock.step("data"):
        data = read(config, data_dir, strict=strict, reporter=reporter)
        record(out, config, data.facts["sha256"], write=cluster.chief)
    with clock.step("exposure"):
        data = expose(config, data, reporter, judged=cluster.chief)
    trained = _train(config, cluster, data, out, clock)
    if not cluster.chief:
        return BuildResult(out, None, {"history": trained.history})
    with clock.step("export"):
        reference, flatbuffer = _export(config, trained)
    manifest = _manifest(config, data, flatbuffer, command)
    with clock.step("verify"):
        from edge_hdr.verify import Candidate, verify

        candidate = Candidate(manifest, flatbuffer, reference)
        verdict = verify(candidate, data.dataset, data.validation, config, data.scenes)
    coral = _for_target(config, flatbuffer, verdict.manifest, clock)
    metrics = {
        "schema": 1,
        **verdict.metrics,
        "history": trained.history,
        "seconds": dict(clock.seconds),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "warnings": [*data.dataset.warnings, *coral.warnings],
        "command": command,
        "config": config.to_dict(),
        "data": data.facts,
        **coral.metrics,
        "libraries": {**manifest.libraries, "python": platform.python_version()},
    }
    with clock.step("report"):
        _write(out, verdict, reference, metrics)
    return _judge(out, verdict, flatbuffer, coral.file, metrics)


@dataclass(frozen=True)
class _Trained:
    """Keras models: the float reference and the one to export; what the phases left behind."""

    reference: Any
    model: Any
    representative: NDArray[np.uint8]
    history: list[dict[str, Any]]


def _train(
    config: BuildConfig, cluster: Cluster, data: Material, out: Path, clock: Clock
) -> _Trained:
    from edge_hdr.checkpoint import CheckpointStore
    from edge_hdr.training_phases import Phases, load_teacher

    classes = len(data.dataset.classes)
    folder = out / "checkpoints" if cluster.worker == 0 else out / f"checkpoints-{cluster.worker}"
    phases = Phases(
        config=config,
        train=data.train,
        validation=data.validation,
        classes=classes,
        store=CheckpointStore(folder),
        progress=clock.reporter,
        strategy=cluster.strategy,
        exposure=data.exposure if data.is_exposed else None,
        teacher=load_teacher(Path(config.teacher), classes) if config.teacher else None,
    )
    with clock.step("float"):
        reference = model = phases.float_model()
    if config.sparsity:
        with clock.step("prune"):
            model = phases.pruned(model)
    if config.quantize == "int8":
        with clock.step("qat"):
            model = phases.quantized(model)
    return _Trained(reference, model, phases.representative(), phases.history)


def _export(config: BuildConfig, trained: _Trained) -> tuple[bytes, bytes]:
    """Give the float32 flatbuffer and the one that is asked for."""
    from edge_hdr.export import export

    plain = export(trained.reference, "float32", trained.representative)
    if config.quantize == "float32" and not config.sparsity:
        return plain, plain
    model, variant = trained.model, config.quantize
    return plain, export(model, variant, trained.representative, target=config.target)


def _manifest(config: BuildConfig, data: Material, flatbuffer: bytes, command: str) -> Manifest:
    """Give all of the manifest that is known before the file is measured."""
    classifier = Classifier(flatbuffer, classes=len(data.dataset.classes))
    return Manifest(
        name=config.name,
        version=__version__,
        architecture=config.architecture,
        variant=config.variant,
        labels=data.dataset.classes,
        input=classifier.input_spec,
        output=classifier.output_spec,
        data=data.facts,
        seed=config.seed,
        config=changed(config),
        libraries=versions(),
        command=command,
    )


def _for_target(
    config: BuildConfig, flatbuffer: bytes, manifest: Manifest, clock: Clock
) -> Outcome:
    if config.target != "coral":
        return Outcome()
    with clock.step("coral"):
        outcome = for_coral(flatbuffer, manifest)
    for warning in outcome.warnings:
        clock.reporter.warn(warning)
    return outcome


def _write(out: Path, verdict: Verdict, reference: bytes, metrics: dict[str, Any]) -> None:
    """Write all but the model, which comes last because it marks a finished build."""
    from edge_hdr.report.card import model_card
    from edge_hdr.report.page import render_report

    write_atomic(out / FLOAT, reference)
    write_atomic(out / "manifest.json", verdict.manifest.to_json(indent=1) + "\n")
    write_atomic(out / "metrics.json", json.dumps(metrics, indent=1, sort_keys=True) + "\n")
    write_atomic(out / "MODEL_CARD.md", model_card(metrics))
    write_atomic(out / "report.html", render_report(metrics, verdict.arrays))


def _judge(
    out: Path, verdict: Verdict, flatbuffer: bytes, compiled: bytes, metrics: dict[str, Any]
) -> BuildResult:
    packed = pack(flatbuffer, verdict.manifest)
    if verdict.complaint:
        write_atomic(out / REJECTED, packed)
        raise CheckFailedError(
            verdict.complaint,
            hint=f"see {out / 'report.html'}; more --qat-epochs or a higher --max-error-ratio; "
            f"the model is kept as {out / REJECTED}",
        )
    if compiled:
        write_atomic(out / EDGE_TPU, compiled)
    else:
        (out / EDGE_TPU).unlink(missing_ok=True)  # of the build that --force replaces
    write_atomic(out / MODEL, packed)
    (out / REJECTED).unlink(missing_ok=True)
    (out / PREVIOUS).unlink(missing_ok=True)
    return BuildResult(out, out / MODEL, metrics)
