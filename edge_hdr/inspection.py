"""Ask a board what it is and has: by its own probe, else by one that is sent as a script."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from edge_hdr.errors import DeviceStepError
from edge_hdr_device.install.probe import PROBE, QUIET

if TYPE_CHECKING:
    from edge_hdr.transport import Completed, Connection

ASK_S = 60.0  # a Pi Zero that swaps takes long to start Python
PACKAGE = "edge_hdr_device.install"
PARTS = ("probe_place", "probe_board", "probe_deployment", "probe_index", "probe")  # in this order
NO_PYTHON, SEND = "edge-hdr: no python3", "edge-hdr: send"
# $1 is the number that its probe must have, $2 what Python then runs with the folder of its package
FIND = f"""\
command -v python3 >/dev/null || {{ echo '{NO_PYTHON}'; exit 0; }}
for base in /opt/edge-hdr "${{HOME:-}}/.local/share/edge-hdr"; do
  runtime=$base/current/runtime
  if grep -q "^PROBE = $1\\b" "$runtime/edge_hdr_device/install/probe.py" 2>/dev/null; then
    python3 -I -B -c "$2" "$runtime" "${{3-}}" && exit 0
  fi
done
echo '{SEND}'
"""
RUN = f"import sys; sys.path.insert(0, sys.argv[1]); from {PACKAGE} import probe; probe.main()"
LOAD = """\
import sys, types
if sys.version_info < (3, 6):
    sys.exit("its Python is %d.%d, and 3.11 or later is needed" % sys.version_info[:2])
def load(name, source):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
    return module
"""


def ask(connection: Connection, *, network: bool = True) -> dict[str, Any]:
    """Ask a board for its facts; see `edge_hdr_device.install.probe`.

    Args:
        connection: to the board; nothing there is changed.
        network: also ask there whether the package index answers, which may take seconds.

    Raises:
        UnreachableError: the board does not answer.
        DeviceStepError: it has no Python, or none that can tell.
    """
    quiet = () if network else (QUIET,)
    words = ("sh", "-c", FIND, "sh", str(PROBE), RUN, *quiet)
    done = connection.run(words, timeout_s=ASK_S, check=False)
    if found := _facts(done):
        return found
    name = str(connection.target)
    if NO_PYTHON in _lines(done):
        raise DeviceStepError(
            f"{name} has no python3",
            hint="on the board: sudo apt install -y python3 python3-venv",
        )
    if SEND in _lines(done):
        words = ("python3", "-I", "-B", "-", *quiet)
        done = connection.run(words, send=script(), timeout_s=ASK_S, check=False)
        if found := _facts(done):
            return found
    raise _broken(name, done)


def script() -> bytes:
    """Give the probe as one script for `python3 -I -`, which prints the facts as a line of JSON."""
    folder = files(PACKAGE)
    sources = [(name, folder.joinpath(f"{name}.py").read_text(encoding="utf-8")) for name in PARTS]
    loaded = [f"last = load({f'{PACKAGE}.{name}'!r}, {source!a})\n" for name, source in sources]
    return "".join([LOAD, *loaded, "last.main()\n"]).encode()


def _facts(done: Completed) -> dict[str, Any] | None:
    """Find the facts in what was printed; a login script may have printed something, too."""
    for line in reversed(_lines(done)):
        if line.startswith('{"probe": '):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if found.get("probe") == PROBE:
                return dict(found)
    return None


def _lines(done: Completed) -> list[str]:
    return done.stdout.decode(errors="replace").splitlines()


def _broken(name: str, done: Completed) -> DeviceStepError:
    said = [line for line in (*_lines(done), *done.stderr.splitlines()) if line.strip()]
    reason = said[-1].strip() if said else f"exit code {done.returncode}"
    return DeviceStepError(
        f"{name} cannot tell what it has: {reason}",
        hint="on the board: sudo apt install --reinstall -y python3 python3-minimal python3-venv",
    )
