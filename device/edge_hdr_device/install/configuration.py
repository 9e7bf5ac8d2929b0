"""The settings that a release is to run with: chosen, checked by the release itself, kept."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

from edge_hdr_device.errors import (
    CheckFailedError,
    ConfigError,
    DeviceStepError,
    EdgeHdrError,
    StorageError,
)
from edge_hdr_device.install import holding
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.release import LAUNCHER, LEFT_CONFIG, releases
from edge_hdr_device.install.room import storage
from edge_hdr_device.storage import write_atomic
from edge_hdr_device.system.systemd_unit import CAMERA_GROUPS, USER

SHOWN = "device.toml"
CHECK_S = 180.0  # the model is loaded and its delegates are measured
REMEMBERED = "delegates.json"  # what the runtime measured of this board, in its state folder
MOST_BYTES = 1 << 16  # of that
TOKEN = "web-token"  # noqa: S105 - the name of a file


def choose(layout: Layout, wanted: bytes | None) -> bytes | None:
    """Give the settings that take the place of those there; None where they stay.

    Args:
        layout: where those are.
        wanted: that came with the release; None where none did.
    """
    there = present(layout)
    if wanted is None:
        return b"" if there is None else None
    return None if wanted == there else wanted


def present(layout: Layout) -> bytes | None:
    """Give the settings that are there; None where there are none."""
    try:
        return layout.config.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"cannot read {layout.config}: {error.strerror}", hint="look at its modes"
        ) from error


def is_own(layout: Layout, content: bytes) -> bool:
    """Tell whether settings are somebody's own, rather than what a deployment brought."""
    return bool(content.strip()) and content not in [one.config() for one in releases(layout)]


def replaced(layout: Layout, before: bytes, previous: str | None, release_id: str) -> list[str]:
    """Keep the settings that others have taken the place of.

    Returns:
        Warnings for the reader.
    """
    told = []
    if is_own(layout, before):
        told = [f"the settings that were there are kept as {keep_own(layout, before, release_id)}"]
    if previous:
        remember_left(layout.releases / previous, before)
    return told


def keep_own(layout: Layout, before: bytes, release_id: str) -> Path:
    """Keep settings that somebody wrote by hand before others take their place."""
    for number in range(1, 1000):
        place = layout.etc / f"{SHOWN}.before-{release_id}{f'-{number}' if number > 1 else ''}"
        if not place.exists():
            break
        if place.read_bytes() == before:
            return place
    mode = 0o600
    with contextlib.suppress(OSError):
        mode = layout.config.stat().st_mode & 0o777
    write_atomic(place, before, mode=mode)
    return place


def remember_left(release: Path, before: bytes) -> None:
    """Keep the settings that ran with a release, for the way back to it."""
    write_atomic(release / LEFT_CONFIG, before, mode=0o600)


def give_to_service(layout: Layout) -> None:
    """Let the service read settings that a deployment wrote, and nobody else."""
    account = service_account(layout)
    with storage(layout.config):
        if account:
            os.chown(layout.config, 0, account.pw_gid)
        layout.config.chmod(0o640 if account else 0o600)


def service_account(layout: Layout) -> pwd.struct_passwd | None:
    """Give the user that the service runs as, where that is another one than this."""
    if layout.mode == "system" and os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(USER)
    return None


def check(layout: Layout, folder: Path, config: bytes) -> None:
    """Let the release try the settings with its model, as the service's user.

    Raises:
        ConfigError: it could not run with them.
    """
    scratch = make_scratch(layout, config)
    words = ["run", "--check", "--json", "--config", str(scratch / SHOWN)]
    token = layout.state / TOKEN
    if b"token_file" not in config and token.is_file():
        words += ["--set", f"web.token_file={token}"]
    _give_scratch(layout, scratch)
    ask(layout, folder, scratch, words, account=service_account(layout))
    _remember_measured(layout, scratch)


def make_scratch(layout: Layout, config: bytes) -> Path:
    """Make a folder with the settings and a state folder for a trial."""
    scratch = layout.work / "check"
    with storage(scratch):
        shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "state").mkdir(parents=True)
        write_atomic(scratch / SHOWN, config, mode=0o600)
        if measured := _read_own(layout.state / REMEMBERED):
            write_atomic(scratch / "state" / REMEMBERED, measured)
    return scratch


def _remember_measured(layout: Layout, scratch: Path) -> None:
    """Spare the service's start what was measured already."""
    measured = _read_own(scratch / "state" / REMEMBERED)
    if measured is None or measured == _read_own(layout.state / REMEMBERED):
        return
    with contextlib.suppress(OSError, StorageError):  # it only takes a little longer then
        owner = layout.state.stat()
        write_atomic(layout.state / REMEMBERED, measured)
        os.chown(layout.state / REMEMBERED, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _read_own(path: Path) -> bytes | None:
    """Read a small file that lies where another user may write; no link is followed for root."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            own = status.st_uid == path.parent.stat().st_uid and status.st_nlink == 1
            return file.read(MOST_BYTES) if stat.S_ISREG(status.st_mode) and own else None
    return None


def _give_scratch(layout: Layout, scratch: Path) -> None:
    account = service_account(layout)
    if account:
        for path in (scratch, *scratch.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)


def ask(
    layout: Layout,
    folder: Path,
    scratch: Path,
    words: list[str],
    account: pwd.struct_passwd | None = None,
) -> dict[str, Any]:
    """Run a command of the release; gives its data."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_HDR_")}
    environment = {**kept, "EDGE_HDR_STATE": str(scratch / "state")}
    argv = [str(folder / LAUNCHER), *words]
    if account:
        argv = [*_as_user(account), *argv]
        environment |= {"HOME": str(scratch), "USER": account.pw_name}
    done = holding.run(argv, timeout_s=CHECK_S, env=environment, cwd=scratch)
    return _data(layout, scratch, words[0], done)


def _data(
    layout: Layout, scratch: Path, command: str, done: subprocess.CompletedProcess[str]
) -> dict[str, Any]:
    try:
        document = json.loads(done.stdout.splitlines()[-1])
        data, error = document["data"], document["error"]
    except (ValueError, IndexError, KeyError, TypeError):
        said = (done.stderr.strip() or f"it ended with {done.returncode}").splitlines()[-1]
        raise DeviceStepError(
            f"the new release's {command} command does not work: {said}",
            hint="bundle and deploy it again; edge-hdr doctor looks at the board",
        ) from None
    if error is None:
        return dict(data or {})
    message = str(error["message"]).replace(str(scratch / SHOWN), str(layout.config))
    raise _error(int(error["exit_code"]), message, str(error["hint"]))


def _error(exit_code: int, message: str, hint: str) -> EdgeHdrError:
    if exit_code in {2, 3, 4}:
        return ConfigError(message, hint=hint)
    if exit_code == CheckFailedError.exit_code:
        return CheckFailedError(message, hint=hint)
    return DeviceStepError(message, hint=hint)


def _as_user(account: pwd.struct_passwd) -> list[str]:
    """Give the command that becomes a user and still dies with its parent."""
    groups = {*os.getgrouplist(account.pw_name, account.pw_gid), *_groups(CAMERA_GROUPS)}
    return [
        *("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}"),
        *(f"--groups={','.join(map(str, sorted(groups)))}", "--pdeathsig=KILL", "--"),
    ]


def _groups(names: tuple[str, ...]) -> list[int]:
    import grp

    return [entry.gr_gid for entry in grp.getgrall() if entry.gr_name in names]
