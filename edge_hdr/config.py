"""The settings of a build: flag over environment over `edge-hdr.toml` over preset and default."""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from edge_hdr.errors import ConfigError, nearest

FILE = "edge-hdr.toml"
PREFIX = "EDGE_HDR_BUILD_"

ALIASES = {"arch": "architecture"}  # the flag's name, which people also write into the file

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "epochs": 6, "prune_epochs": 2, "qat_epochs": 2, "strokes_train": 40_000,
        "exposure": 4_000, "outliers": 4_000,
    },
    "default": {},
    "release": {
        "epochs": 45, "prune_epochs": 10, "qat_epochs": 8,
        "exposure": 60_000, "outliers": 40_000,
    },
}  # fmt: skip
CHOICES = {
    "quantize": ("float32", "float16", "dynamic", "int8-ptq", "int8"),
    "optimizer": ("sgd", "adam"),
    "schedule": ("one-cycle", "cosine", "constant"),
    "distribute": ("none", "mirrored", "multiworker"),
    "preset": tuple(PRESETS),
    "target": ("cpu", "coral"),
}
IMAGENET = "imagenet"  # a start that is no folder
CORAL_QUANTIZE = ("int8", "int8-ptq")


@dataclass(frozen=True)
class BuildConfig:
    """Everything that decides what a build makes.

    Attributes:
        preset: quick, default or release; sets the epochs.
        data: auto, mnist, strokes or a folder.
        architecture: a name of `architectures.registry`.
        channels: widths in place of the architecture's own; structured pruning by hand.
        quantize: float32, float16, dynamic, int8-ptq or int8.
        target: cpu, or coral, which also compiles the model for an Edge TPU.
        sparsity: share of zeros by layer, "*" for all others; empty is no pruning.
        epochs: of the float phase.
        prune_epochs: of the pruning phase.
        qat_epochs: of quantization-aware training.
        plain_epochs: last float epochs without augmentation.
        batch_size: examples a step; fewer, at a rate as much lower, where data are few.
        learning_rate: highest, of the float phase; the other phases take a tenth.
        optimizer: sgd or adam.
        schedule: one-cycle, cosine or constant.
        weight_decay: L2 on kernels.
        label_smoothing: share of a label spread over all classes.
        ema: decay of the averaged weights; 0 is off.
        rotation_deg: augmentation, see `data.augment.Augmentation`; as are the next six.
        shift_px: largest shift.
        scale: largest relative change of size.
        shear: largest shear.
        stroke: largest share of a dilation or erosion.
        elastic_px: elastic displacement; 0 is off.
        clean_share: share of examples left as they are.
        exposure: digits found again in generated scenes, at most as many as are trained on; 0
            is none. Only where the classes are the digits 0 to 9, as the next.
        outliers: pictures that show no digit and are to be doubted, bounded likewise; 0 is none.
        exposure_share: of an epoch's examples that are such digits.
        outlier_share: of an epoch's examples that show no digit.
        outlier_weight: of their loss beside that of digits.
        degrade: share of an epoch's examples that are damaged, see `training_degrade`.
        start: folder of an earlier build whose float weights are begun from, or imagenet for
            mobilenet-v2; empty begins from random ones.
        teacher: folder of an earlier build that is distilled; empty is none.
        distill: weight of the teacher's loss.
        patience: early stop on validation; 0 is off.
        validation: examples held out of the training split.
        limit: train on so many examples only; 0 is all.
        strokes_train: digits made for `--data strokes`.
        seed: of everything.
        max_error_ratio: the check of int8 against float; 0 is off.
        selective_accuracy: share of right ones among what the rejection threshold accepts, on
            validation; an accepted non-digit is a wrong one.
        distribute: none, mirrored or multiworker.
        replicas: of `mirrored` on a machine without GPUs; 0 is every GPU, or one.
    """

    preset: str = "default"
    data: str = "auto"
    architecture: str = "ds-cnn-small"
    channels: tuple[int, ...] = ()
    quantize: str = "int8"
    target: str = "cpu"
    sparsity: dict[str, float] = field(default_factory=dict)
    epochs: int = 45
    prune_epochs: int = 8
    qat_epochs: int = 8
    plain_epochs: int = 0
    batch_size: int = 128
    learning_rate: float = 0.1
    optimizer: str = "sgd"
    schedule: str = "one-cycle"
    weight_decay: float = 1e-4
    label_smoothing: float = 0.02
    ema: float = 0.998
    rotation_deg: float = 12.0
    shift_px: float = 1.5
    scale: float = 0.12
    shear: float = 0.2
    stroke: float = 0.35
    elastic_px: float = 0.0
    clean_share: float = 0.3
    exposure: int = 24_000
    outliers: int = 16_000
    exposure_share: float = 0.4
    outlier_share: float = 0.2
    outlier_weight: float = 1.0
    degrade: float = 0.3
    start: str = ""
    teacher: str = ""
    distill: float = 0.5
    patience: int = 0
    validation: int = 5000
    limit: int = 0
    strokes_train: int = 60_000
    seed: int = 0
    max_error_ratio: float = 1.2
    selective_accuracy: float = 0.995
    distribute: str = "none"
    replicas: int = 0

    @property
    def variant(self) -> str:
        """Name what is exported: the quantization, or int8-pruned."""
        return "int8-pruned" if self.quantize == "int8" and self.sparsity else self.quantize

    @property
    def name(self) -> str:
        """Name the model, as "ds-cnn-small-int8"."""
        return f"{self.architecture}-{self.variant}"

    def to_dict(self) -> dict[str, Any]:
        """Give the settings JSON-ready."""
        return {**dataclasses.asdict(self), "channels": list(self.channels)}


def resolve(
    flags: Mapping[str, Any],
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> BuildConfig:
    """Merge the sources of settings.

    Args:
        flags: values from the command line; None means not given.
        file: a TOML file with a `[build]` table; None takes `edge-hdr.toml` here if it exists.
        environment: in place of the process's own.

    Raises:
        ConfigError: an unknown key (the nearest known one is named), a value of the wrong type or
            out of range, an unreadable file.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    merged = {**_from_file(file), **_from_environment(environment or os.environ), **given}
    preset = merged.get("preset", "default")
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset {preset!r}", hint=nearest(str(preset), PRESETS))
    fields = {key: _typed(key, value) for key, value in {**PRESETS[preset], **merged}.items()}
    config = BuildConfig(**fields)
    _check(config)
    return config


def _from_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE)
    if file is None and not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="check --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}", hint="mend that line") from error
    for table in document:
        if table != "build":
            raise ConfigError(f"{path}: unknown table [{table}]", hint=nearest(table, ["build"]))
    values = {ALIASES.get(key, key): value for key, value in document.get("build", {}).items()}
    _known(values, f"{path}: unknown key")
    return dict(values)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(PREFIX)
    }
    _known(values, "environment: unknown key")
    return values


def _known(values: Mapping[str, Any], complaint: str) -> None:
    names = {item.name for item in dataclasses.fields(BuildConfig)}
    for key in values:
        if key not in names:
            raise ConfigError(f"{complaint} {key!r}", hint=nearest(key, names))


def _typed(key: str, value: Any) -> Any:
    """Bring a value from any source to the field's type."""
    wanted = get_type_hints(BuildConfig)[key]
    try:
        if key == "channels":
            return parse_channels(value) if isinstance(value, str) else tuple(map(int, value))
        if key == "sparsity":
            return parse_sparsity(value)
        if wanted is int and (isinstance(value, bool) or float(value) != int(float(value))):
            raise ValueError("not a whole number")
        return int(float(value)) if wanted is int else wanted(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{key} = {value!r} is no {getattr(wanted, '__name__', 'list of numbers')}",
            hint=f"the default is {getattr(BuildConfig(), key)!r}",
        ) from error


def parse_channels(text: str) -> tuple[int, ...]:
    """Read widths as "16,32,64"."""
    return tuple(int(part) for part in text.split(",") if part.strip())


def parse_sparsity(value: Any) -> dict[str, float]:
    """Read a share of zeros as 0.5, "0.5" or "block2_pointwise=0.8,*=0.5"."""
    if isinstance(value, dict):
        return {str(name): float(share) for name, share in value.items()}
    if isinstance(value, int | float):
        return {"*": float(value)} if value else {}
    shares = {}
    for part in filter(None, (piece.strip() for piece in str(value).split(","))):
        name, _, share = part.rpartition("=")
        shares[name or "*"] = float(share)
    return {name: share for name, share in shares.items() if share}


def _check(config: BuildConfig) -> None:
    for key, choices in CHOICES.items():
        value = getattr(config, key)
        if value not in choices:
            raise ConfigError(f"{key} {value!r} is unknown", hint=nearest(value, choices))
    if config.target == "coral" and config.quantize not in CORAL_QUANTIZE:
        raise ConfigError(
            f"target coral cannot run quantize {config.quantize}: the Edge TPU computes in 8 bits",
            hint="give --quantize int8 or int8-ptq, or --target cpu",
        )
    if config.start == IMAGENET and config.architecture != "mobilenet-v2":
        raise ConfigError(
            f"{config.architecture} has no weights of ImageNet",
            hint="give --arch mobilenet-v2, or --start the folder of a build",
        )
    at_least = {
        "epochs": 1, "prune_epochs": 1, "qat_epochs": 1, "batch_size": 1, "validation": 1,
        "plain_epochs": 0, "patience": 0, "limit": 0, "replicas": 0, "max_error_ratio": 0,
        "seed": 0, "weight_decay": 0, "strokes_train": 100, "exposure": 0, "outliers": 0,
        "outlier_weight": 0,
    }  # fmt: skip
    for key, least in at_least.items():
        if getattr(config, key) < least:
            raise ConfigError(
                f"{key} = {getattr(config, key)} is too small", hint=f"at least {least}"
            )
    if not 0 < config.learning_rate < math.inf:
        raise ConfigError(f"learning_rate = {config.learning_rate}", hint="give more than 0")
    shares = {f"sparsity of {name}": share for name, share in config.sparsity.items()}
    whole = {"clean_share", "distill", "stroke", "degrade", "selective_accuracy"}
    for key in ("ema", "label_smoothing", "exposure_share", "outlier_share", *sorted(whole)):
        shares[key] = getattr(config, key)
    shares["exposure_share + outlier_share"] = config.exposure_share + config.outlier_share
    for key, share in shares.items():
        if not 0 <= share < 1 and not (key in whole and share == 1):
            raise ConfigError(
                f"{key} = {share} is no share", hint="give a number from 0 to below 1"
            )
