"""`edge-hdr bundle`: a payload as a file, for a stick, a fleet's own tools or a board offline."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_hdr.cli import render
from edge_hdr.cli.deploy import load_key
from edge_hdr.cli.target_option import ACCEPT, JSON, connect_to
from edge_hdr.errors import StorageError, UsageError
from edge_hdr_device import released

if TYPE_CHECKING:
    from edge_hdr.payload import Payload
    from edge_hdr_device.install.requirements import EnvironmentPlan, Platform

SUFFIX, WHEELS_SUFFIX = ".pyz", ".wheels.zip"


def bundle(
    model: str = typer.Option(
        None, "--model", help="A .tflite file, a build's folder or a released model."
    ),
    config: Path = typer.Option(
        None, "--config", help="Settings of the service; without it the board's own stay."
    ),
    platform: str = typer.Option(
        None, "--platform", metavar="NAME", help="The board's system, as bookworm-64 or trixie-64."
    ),
    for_target: str = typer.Option(
        None, "--for", metavar="TARGET", help="Ask this board for its system."
    ),
    offline: bool = typer.Option(
        False, "--offline", help="Bring the packages along, so that the board needs no network."
    ),
    split: bool = typer.Option(
        False, "--split", help="Write the packages into a file of their own."
    ),
    sign: Path = typer.Option(
        None, "--sign", envvar="EDGE_HDR_SIGN", help="Private key that signs the payload."
    ),
    out: Path = typer.Option(
        None, "--out", help="The file or its folder; by default edge-hdr-MODEL-ID.pyz here."
    ),
    force: bool = typer.Option(False, "--force", help="Overwrite the file."),
    accept_new_host_key: bool = ACCEPT,
    json: bool = JSON,
) -> None:
    """Write runtime, model and canary as one file, which `sudo python3 FILE` installs on a board.

    The same inputs give the same bytes. With --offline the packages for the board's own system are
    fetched here and brought along.
    """
    _check_options(platform=platform, for_target=for_target, offline=offline, split=split)
    from edge_hdr import payload

    path = released.find(model)
    key = load_key(sign)
    made = payload.build(path, config=config, key=key)  # tells what is wrong before anything else
    system = _system(platform, for_target, accept_new_host_key=accept_new_host_key)
    environment = _environment(system)
    files = _files(out, made, split=split)
    _check_free(files, force=force)
    if offline and system and environment and environment.requirements:
        wheels = _fetched(system, environment)
        made = payload.build(path, config=config, wheels=wheels, key=key)
    files = _write(made, files)
    data = {
        **made.index.to_dict(),
        "files": {str(file): file.stat().st_size for file in files},
        "signed_by": key.fingerprint if key else None,
        "interpreter": environment.interpreter if environment else None,
        "notes": list(environment.notes) if environment else [],
        "install": _command(files),
    }
    render.emit(command="bundle", data=data, human=lambda: _show(data), as_json=json)


def _check_options(
    *, platform: str | None, for_target: str | None, offline: bool, split: bool
) -> None:
    from edge_hdr_device.install.requirements import PLATFORMS

    if platform and for_target:
        raise UsageError("--platform and --for name two systems", hint="give one of them")
    if offline and not (platform or for_target):
        raise UsageError(
            "--offline needs the board's system",
            hint=f"give --for TARGET to ask the board, or --platform: {', '.join(PLATFORMS)}",
        )
    if split and not offline:
        raise UsageError("--split parts the packages off, and there are none", hint="add --offline")


def _system(
    platform: str | None, for_target: str | None, *, accept_new_host_key: bool
) -> Platform | None:
    from edge_hdr_device.install.requirements import Platform

    if platform:
        return Platform.named(platform)
    if not for_target:
        return None
    from edge_hdr.inspection import ask

    with connect_to(for_target, accept_new_host_key=accept_new_host_key) as connection:
        return Platform.of(ask(connection))


def _environment(system: Platform | None) -> EnvironmentPlan | None:
    from edge_hdr_device.install.requirements import plan

    return plan(system) if system else None


def _files(out: Path | None, made: Payload, *, split: bool) -> list[Path]:
    """Give the file to write and, for a split payload, that of the wheels."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", made.index.model.partition("@")[0])
    name = f"edge-hdr-{name}-{made.id}{SUFFIX}"
    file = Path(name) if out is None else out / name if out.is_dir() else out
    return [file, file.with_name(f"{file.name}{WHEELS_SUFFIX}")] if split else [file]


def _check_free(files: list[Path], *, force: bool) -> None:
    for file in files:
        if file.is_dir():
            raise StorageError(f"{file} is a folder", hint="name another file by --out")
        if file.exists() and not force:
            raise StorageError(f"{file} exists", hint="name another file by --out, or add --force")


def _fetched(system: Platform, environment: EnvironmentPlan) -> Path:
    from edge_hdr import wheelhouse
    from edge_hdr.cli.progress import BuildProgress

    with BuildProgress(Path()) as progress:
        return wheelhouse.fetch(system, environment, counted=progress.bytes_done)


def _write(made: Payload, files: list[Path]) -> list[Path]:
    """Write the payload; give the files that there are, as a board may need no wheels."""
    if len(files) > 1 and made.index.wheels:
        made.write_split(*files)
        return files
    made.write(files[0])
    return files[:1]


def _command(files: list[Path]) -> str:
    """Give what installs the files when typed on the board, in their folder."""
    names = [file.name for file in files]
    words = ["install", *names] if len(names) > 1 else []
    return shlex.join(["sudo", "python3", names[0], *words])


def _show(data: dict[str, Any]) -> None:
    console = render.console()
    sizes = data["members"]
    wheels = {name: size for name, size in sizes.items() if name.startswith("wheels/")}
    rows = [[name, f"{size:,}"] for name, size in sizes.items() if name not in wheels]
    if wheels:
        rows.append([f"{len(wheels)} wheels", f"{sum(wheels.values()):,}"])
    console.print(f"release {data['id']}: {data['model']}", markup=False)
    console.print(render.table("", ["part", "bytes"], rows))
    lines = [f"signed by  {data['signed_by'] or 'nobody'}"]
    lines += [f"note       {note}" for note in data["notes"]]
    lines += [f"written    {file}  ({size:,} bytes)" for file, size in data["files"].items()]
    lines.append(f"on the board, beside {'them' if len(data['files']) > 1 else 'it'}:")
    lines.append(f"  {data['install']}")
    console.print("\n".join(lines), markup=False)
