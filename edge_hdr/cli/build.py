"""`edge-hdr build`: from data to a verified model."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import typer

from edge_hdr.cli import render
from edge_hdr.config import BuildConfig, parse_channels, parse_sparsity, resolve
from edge_hdr.errors import ConfigError

_DATA = "Data and output"
_MODEL = "Model and compression"
_RECIPE = "Training recipe"


def build(
    quantize: str = typer.Option(
        None, help="float32, float16, dynamic, int8-ptq or int8.", rich_help_panel=_MODEL
    ),
    data: str = typer.Option(
        None, help="auto, mnist, strokes or a folder of images.", rich_help_panel=_DATA
    ),
    data_dir: Path = typer.Option(None, help="Where MNIST lies.", rich_help_panel=_DATA),
    out: Path = typer.Option(
        None, help="Folder of the build; by default runs/NAME.", rich_help_panel=_DATA
    ),
    force: bool = typer.Option(
        False, "--force", help="Replace what the folder holds.", rich_help_panel=_DATA
    ),
    strict: bool = typer.Option(
        False, "--strict", help="Stop at the first unreadable image.", rich_help_panel=_DATA
    ),
    config: Path = typer.Option(
        None, help="TOML file with a build table; by default edge-hdr.toml.", rich_help_panel=_DATA
    ),
    preset: str = typer.Option(None, help="quick, default or release.", rich_help_panel=_RECIPE),
    architecture: str = typer.Option(
        None,
        "--arch",
        help="ds-cnn-nano, -small, -base, or a reference as lenet5.",
        rich_help_panel=_MODEL,
    ),
    channels: str = typer.Option(
        None, help="Other widths, as 16,24,24,48,64.", rich_help_panel=_MODEL
    ),
    target: str = typer.Option(
        None, help="cpu, or coral to compile for an Edge TPU too.", rich_help_panel=_MODEL
    ),
    sparsity: str = typer.Option(
        None, help="Share of zeros, 0.5 or block2_pointwise=0.8,*=0.5.", rich_help_panel=_MODEL
    ),
    max_error_ratio: float = typer.Option(
        None, help="Most errors of int8 for one of float32; 0 is off.", rich_help_panel=_MODEL
    ),
    selective_accuracy: float = typer.Option(
        None, help="Accuracy of what the threshold accepts.", rich_help_panel=_MODEL
    ),
    epochs: int = typer.Option(None, help="Float epochs.", rich_help_panel=_RECIPE),
    prune_epochs: int = typer.Option(None, help="Pruning epochs.", rich_help_panel=_RECIPE),
    qat_epochs: int = typer.Option(
        None, help="Epochs of quantization-aware training.", rich_help_panel=_RECIPE
    ),
    batch_size: int = typer.Option(None, help="Examples a step.", rich_help_panel=_RECIPE),
    learning_rate: float = typer.Option(None, help="Highest rate.", rich_help_panel=_RECIPE),
    optimizer: str = typer.Option(None, help="sgd or adam.", rich_help_panel=_RECIPE),
    schedule: str = typer.Option(
        None, help="one-cycle, cosine or constant.", rich_help_panel=_RECIPE
    ),
    weight_decay: float = typer.Option(None, help="L2 on kernels.", rich_help_panel=_RECIPE),
    label_smoothing: float = typer.Option(
        None, help="Share spread over classes.", rich_help_panel=_RECIPE
    ),
    ema: float = typer.Option(
        None, help="Decay of averaged weights; 0 is off.", rich_help_panel=_RECIPE
    ),
    elastic_px: float = typer.Option(
        None, help="Elastic distortion; 0 is off.", rich_help_panel=_RECIPE
    ),
    clean_share: float = typer.Option(
        None, help="Share of unaugmented examples; 1 is no augmentation.", rich_help_panel=_RECIPE
    ),
    exposure: int = typer.Option(
        None, help="Digits found again in generated scenes; 0 is none.", rich_help_panel=_RECIPE
    ),
    outliers: int = typer.Option(
        None, help="Non-digits that are to be doubted; 0 is none.", rich_help_panel=_RECIPE
    ),
    degrade: float = typer.Option(
        None, help="Share of damaged examples; 0 is none.", rich_help_panel=_RECIPE
    ),
    start: str = typer.Option(
        None,
        help="Folder of a build to begin from, or imagenet for mobilenet-v2.",
        rich_help_panel=_RECIPE,
    ),
    teacher: str = typer.Option(
        None, help="Folder of a build that is distilled.", rich_help_panel=_RECIPE
    ),
    distill: float = typer.Option(None, help="Weight of the teacher.", rich_help_panel=_RECIPE),
    patience: int = typer.Option(
        None, help="Early stop on validation; 0 is off.", rich_help_panel=_RECIPE
    ),
    validation: int = typer.Option(None, help="Examples held out.", rich_help_panel=_DATA),
    limit: int = typer.Option(None, help="Train on so many examples.", rich_help_panel=_DATA),
    seed: int = typer.Option(None, help="Seed of everything.", rich_help_panel=_RECIPE),
    distribute: str = typer.Option(
        None, help="none, mirrored or multiworker (TF_CONFIG).", rich_help_panel=_RECIPE
    ),
    replicas: int = typer.Option(
        None, help="Of mirrored on a machine without GPUs.", rich_help_panel=_RECIPE
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Train, prune, quantize, export, verify and report a digit classifier.

    A build that was interrupted is resumed by the same command.
    """
    flags = {key: value for key, value in locals().items() if key in BuildConfig.__annotations__}
    try:
        flags["channels"] = parse_channels(channels) if channels else None
        flags["sparsity"] = parse_sparsity(sparsity) if sparsity else None
    except ValueError as error:
        raise ConfigError(
            f"--channels or --sparsity is no list of numbers: {error}",
            hint="as --channels 16,24,24,48 and --sparsity 0.5 or layer=0.8,*=0.5",
        ) from error
    settings = resolve(flags, file=config)
    _check_before_tensorflow(settings)
    folder = out or Path("runs") / settings.name
    from edge_hdr.build import build as run
    from edge_hdr.cli.progress import BuildProgress

    command = shlex.join(["edge-hdr", *sys.argv[1:]])
    with BuildProgress(folder) as progress:
        result = run(
            settings,
            folder,
            data_dir=data_dir,
            reporter=progress,
            command=command,
            force=force,
            strict=strict,
        )
    if result.model is None:
        render.note("this worker is done; the chief exports and reports")
        render.emit(command="build", data={"worker": True}, human="", as_json=json)
        return
    if note := result.metrics.get("edge_tpu", {}).get("note"):
        render.note(f"note: {note}")
    data_out = {"folder": str(folder), "model": str(result.model), "metrics": result.metrics}
    render.emit(
        command="build", data=data_out, human=lambda: _show(folder, result.metrics), as_json=json
    )


def _check_before_tensorflow(settings: BuildConfig) -> None:
    """Refuse what can be seen to be wrong before the slow import."""
    from edge_hdr.architectures.registry import resolve as resolve_architecture

    resolve_architecture(settings.architecture, settings.channels or None)
    if settings.sparsity and settings.quantize == "float16":
        render.note("note: zeros stay zeros in float16, but only the compressed file gets smaller")


def _show(folder: Path, metrics: dict[str, Any]) -> None:
    test, reference, print_ = metrics["test"], metrics["float_test"], metrics["footprint"]
    low, high = test["interval"]
    rows = [
        ["test accuracy", f"{test['accuracy']:.2%}  (95 %: {low:.2%} to {high:.2%})"],
        ["measured on", f"{metrics['data']['test_name']}, n = {test['n']:,}"],
        ["errors", f"{test['errors']} (float32: {reference['errors']})"],
        ["file", f"{print_['file_bytes']:,} bytes"],
        ["flatbuffer", f"{print_['flatbuffer_bytes']:,} bytes"],
        ["parameters", f"{print_['parameters']:,}"],
        ["MACs", f"{print_['macs']:,}"],
    ]
    files = ["model.tflite", "report.html", "MODEL_CARD.md", "metrics.json"]
    if edge_tpu := metrics.get("edge_tpu"):
        from edge_hdr.report.coral import mapped_by

        rows.append(["Edge TPU", mapped_by(edge_tpu)])
        files[1:1] = ["model_edgetpu.tflite"] if edge_tpu["file_bytes"] else []
    render.console().print(render.table(f"{metrics['model']['name']}", ["", "figure"], rows))
    for name in files:
        render.console().print(str(folder / name))
