"""Read the runtime's settings: flag over environment over file over default."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from edge_hdr_device.errors import ConfigError, nearest
from edge_hdr_device.settings import MqttConfig, RunConfig

PREFIX = "EDGE_HDR_DEVICE_"
FILE = "edge-hdr-device.toml"
STATE = "EDGE_HDR_STATE"

CHOICES = {
    "camera.rotate": (0, 90, 180, 270),
    "read.delegate": ("auto", "xnnpack", "none", "edgetpu"),
    "output.stdout": ("readings", "frames", "none"),
    "output.file_content": ("readings", "frames"),
    "mqtt.content": ("readings", "frames"),
    "mqtt.qos": (0, 1, 2),
}
RANGES = {
    "camera.width": (16, 10_000), "camera.height": (16, 10_000), "camera.fps": (0, 1000),
    "camera.stall_s": (0.1, 3600), "camera.buffers": (0, 32), "camera.gain": (0, 1000),
    "camera.exposure_us": (0, 1_000_000_000), "read.threads": (0, 256), "read.fps": (0, 1000),
    "read.agree": (1, 100), "read.forget": (1, 10_000), "read.digits": (0, 64),
    "read.largest_step": (0, math.inf), "read.accept_after_s": (0, math.inf),
    "read.gate_level": (0.1, 255), "read.refresh_s": (0, math.inf), "web.port": (0, 65535),
    "mqtt.port": (0, 65535), "output.file_bytes": (1000, math.inf), "output.file_keep": (0, 1000),
    "web.stream_fps": (0.1, 60), "web.upload_bytes": (1000, 1_000_000_000),
    "samples.max_bytes": (10_000, math.inf), "samples.below": (0, 1),
    "samples.every": (0, math.inf), "samples.batch_s": (0, 86_400),
}  # fmt: skip

Values = dict[str, Any]


def resolve(
    flags: Mapping[str, Any],
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> RunConfig:
    """Merge the sources of settings.

    Args:
        flags: values from the command line by "table.key"; None means not given.
        file: a TOML file; None takes `edge-hdr-device.toml` here if it exists.
        environment: in place of the process's own; names as EDGE_HDR_DEVICE_READ_AGREE.

    Raises:
        ConfigError: an unknown table or key (the nearest known one is named), a value of the wrong
            type or out of range, an unreadable file.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    for name in given:
        _check_name(name, "--set")
    environment = os.environ if environment is None else environment
    merged = {**_from_file(file), **_from_environment(environment), **given}
    values = {name: _typed(name, value) for name, value in merged.items()}
    for name, value in values.items():
        _check_value(name, value)
    tables = {table: get_type_hints(RunConfig)[table] for table in _tables()}
    config = RunConfig(
        **{
            table: kind(**{key: values[f"{table}.{key}"] for key in _keys(table, values)})
            for table, kind in tables.items()
        }
    )
    if not 0.5 < config.read.share <= 1:
        raise ConfigError(f"read.share = {config.read.share}", hint="give more than 0.5, up to 1")
    _check_broker(config.mqtt)
    return config


def _check_broker(mqtt: MqttConfig) -> None:
    """Refuse a broker that is none, and settings for one that is not named."""
    host = mqtt.host.strip("[]")
    if mqtt.host and not (
        re.fullmatch(r"[\w.-]+", host) or re.fullmatch(r"[0-9a-fA-F:.]+(%\w+)?", host)
    ):
        raise ConfigError(
            f"mqtt.host = {mqtt.host!r} is no name of a broker",
            hint="give a name or an address, as --mqtt broker.local or broker.local:1884",
        )
    for name in ("tls", "ca", "credentials", "cert", "key", "discovery"):
        if getattr(mqtt, name) and not mqtt.host:
            raise ConfigError(f"mqtt.{name} is set, but no broker", hint="name it: --mqtt HOST")


def state_folder() -> Path:
    """Give the folder for what the runtime remembers: EDGE_HDR_STATE, systemd's, or the user's."""
    for name in (STATE, "STATE_DIRECTORY"):
        if folder := os.environ.get(name):
            return Path(folder.split(":")[0])
    base = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(base) / "edge-hdr-device"


def names() -> list[str]:
    """List every setting as "table.key"."""
    return [f"{table}.{item.name}" for table in _tables() for item in _fields(table)]


def _tables() -> list[str]:
    return [item.name for item in dataclasses.fields(RunConfig)]


def _fields(table: str) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(get_type_hints(RunConfig)[table])


def _keys(table: str, values: Values) -> list[str]:
    return [item.name for item in _fields(table) if f"{table}.{item.name}" in values]


def _from_file(file: Path | None) -> Values:
    path = file or Path(FILE)
    if file is None and not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="check --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}", hint="mend that line") from error
    values: Values = {}
    for table, keys in content.items():
        if table not in _tables() or not isinstance(keys, dict):
            known = [f"[{name}]" for name in _tables()]
            raise ConfigError(f"{path}: unknown table [{table}]", hint=nearest(f"[{table}]", known))
        for key, value in keys.items():
            _check_name(f"{table}.{key}", str(path))
            values[f"{table}.{key}"] = value
    return values


def _from_environment(environment: Mapping[str, str]) -> Values:
    values: Values = {}
    for variable, value in environment.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower().replace("_", ".", 1)
            _check_name(name, "environment")
            values[name] = value
    return values


def _check_name(name: str, where: str) -> None:
    if name not in names():
        raise ConfigError(f"{where}: unknown setting {name!r}", hint=_suggest(name))


def _suggest(name: str) -> str:
    """Name the nearest setting, or those of its table: the whole list is too long to read."""
    table = name.partition(".")[0]
    known = [other for other in names() if other.startswith(f"{table}.")] or names()
    return nearest(name, known)


def _typed(name: str, value: Any) -> Any:
    """Bring a value from any source to the setting's type."""
    table, _, key = name.partition(".")
    kind = get_type_hints(RunConfig)[table]
    wanted = get_type_hints(kind)[key]
    try:
        if wanted is bool:
            return _boolean(value)
        if wanted is str:
            return _string(value)
        if wanted in {int, float}:
            return _number(value, wanted)
        return _strings(value)
    except (TypeError, ValueError) as error:
        what = "list of texts" if get_args(wanted) else wanted.__name__
        default = getattr(kind(), key)
        raise ConfigError(
            f"{name} = {value!r} is no {what}", hint=f"the default is {default!r}"
        ) from error


def _boolean(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in {"true", "yes", "on", "1"}:
        return True
    if word in {"false", "no", "off", "0"}:
        return False
    raise ValueError(word)


def _string(value: Any) -> str:
    if isinstance(value, dict | list | bool):
        raise TypeError(value)
    return str(value)


def _number(value: Any, kind: type) -> Any:
    number = float(value)
    if isinstance(value, bool) or math.isnan(number) or (kind is int and number != int(number)):
        raise ValueError(value)
    return int(number) if kind is int else number


def _strings(value: Any) -> tuple[str, ...]:
    """Take a list of texts; one text is parted at ";"."""
    parts = value.split(";") if isinstance(value, str) else list(value)
    if any(not isinstance(part, str) for part in parts):
        raise TypeError(value)
    return tuple(part.strip() for part in parts if part.strip())


def _check_value(name: str, value: Any) -> None:
    if name in CHOICES and value not in CHOICES[name]:
        known = [str(choice) for choice in CHOICES[name]]
        raise ConfigError(f"{name} = {value!r} is unknown", hint=nearest(str(value), known))
    low, high = RANGES.get(name, (-math.inf, math.inf))
    if isinstance(value, int | float) and not low <= value <= high:
        most = f", at most {high:g}" if high < math.inf else ""
        raise ConfigError(f"{name} = {value:g} is out of range", hint=f"at least {low:g}{most}")
