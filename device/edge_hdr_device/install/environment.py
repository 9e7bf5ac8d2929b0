"""The virtual environment of a release: made beside, proven, then put in its place in one step."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import sysconfig
import threading
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess

from edge_hdr_device.errors import DeviceStepError, EdgeHdrError, StorageError
from edge_hdr_device.install import holding
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.pip_words import offline_lacks, pip_error
from edge_hdr_device.install.requirements import EnvironmentPlan
from edge_hdr_device.install.steps import Progress, Tell
from edge_hdr_device.storage import storage_error, write_atomic

MARKER = "environment.json"  # written last; what lacks it is not whole
VENV_S, PIP_S, PROOF_S = 120.0, 3000.0, 180.0  # a small board with a slow card takes long
RETRIES = "2"
TELL_S = 10.0  # whoever waits for pip hears of it so often
MODULES = {  # what the runtime imports of a package, where it is not its name
    "ai_edge_litert": "ai_edge_litert.interpreter",
    "tflite_runtime": "tflite_runtime.interpreter",
    "starlette": "starlette.applications",
    "paho": "paho.mqtt.client",
}
# Importing also compiles just what is used, which the service's user could not store.
PROOF = """\
import importlib, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        sys.exit(f"{name}: {error!r}")
    top = sys.modules[name.partition(".")[0]]
    found[name] = str(getattr(top, "__version__", ""))
print(json.dumps(found))
"""


def ensure(layout: Layout, plan: EnvironmentPlan, wheels: Path | None, tell: Tell) -> Path:
    """Give the environment of a plan, the one that is there or a new one.

    Args:
        layout: of the deployment, which the caller holds.
        plan: what it is made of.
        wheels: folder of wheels; None lets pip ask its index.
        tell: told what takes long.

    Returns:
        A folder that is whole; it is there only once its packages were imported in it.

    Raises:
        DeviceStepError: venv, pip or an import failed, or took too long.
        UnreachableError: the package index does not answer.
        StorageError: the disk is full or cannot be written.
    """
    place = layout.environments / plan.key
    if is_whole(place):
        return place
    build = layout.work / f"environment-{plan.key}"
    try:
        _clear(build)
        build.parent.mkdir(parents=True, exist_ok=True)
        _make(build, plan, wheels, tell)
        versions = _prove(build, plan, tell)
        document = {"key": plan.key, "requirements": plan.requirements, "versions": versions}
        write_atomic(build / MARKER, json.dumps(document, indent=1) + "\n")
        os.sync()  # the rename must not reach the disk before the files
        layout.environments.mkdir(mode=0o755, exist_ok=True)
        if os.path.lexists(place):  # not whole: its Python has gone
            place.rename(layout.work / f"broken-{plan.key}")
        build.rename(place)
    except OSError as error:
        raise storage_error(Path(error.filename or build), error) from error
    finally:
        _clear(build, layout.work / f"broken-{plan.key}")
    return place


def is_whole(place: Path) -> bool:
    """Tell whether an environment was finished and its Python is still there."""
    return (place / MARKER).is_file() and os.access(place / "bin/python", os.X_OK)


def _make(build: Path, plan: EnvironmentPlan, wheels: Path | None, tell: Tell) -> None:
    """Make the environment with all that it asks for."""
    options = ["--system-site-packages"] if plan.system_packages else []
    command = [sys.executable, "-I", "-m", "venv", "--without-pip", *options, str(build)]
    done = holding.run(command, timeout_s=VENV_S)
    if done.returncode:
        raise _failure("python3 -m venv", done, hint="sudo apt install -y python3-venv")
    if plan.system_packages and sys.prefix != sys.base_prefix:
        _show_packages_of_this_python(build)
    if plan.requirements:
        _install(build, plan, wheels, tell)
    for script in (build / "bin").iterdir():  # they name the folder that this is made in
        if not script.name.startswith("python"):
            script.unlink()


def _show_packages_of_this_python(build: Path) -> None:
    """Let an environment made from within another one see what that one sees."""
    (site,) = build.glob("lib/python*/site-packages")
    own = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "system-packages.pth").write_text("\n".join(sorted(own)) + "\n")


def _install(build: Path, plan: EnvironmentPlan, wheels: Path | None, tell: Tell) -> None:
    """Let pip install exactly what is required, from wheels only, without a look further."""
    lacking = offline_lacks(plan.requirements, wheels)
    source = ["--find-links", str(wheels)] if wheels else []
    offline = wheels is not None and not lacking
    if offline:
        source = ["--no-index", *source]
    elif wheels is not None:
        tell(Progress("environment", "note", f"not among the wheels: {', '.join(lacking)}"))
    count = len(plan.requirements)
    origin = "the payload's wheels" if offline else "the package index"
    tell(Progress("environment", "note", f"installing {count} packages from {origin}"))
    work, log = build / "tmp", build / "pip.log"
    work.mkdir()
    command = [
        *(str(build / "bin/python"), "-I", str(_pip(build, wheels)), "install", "--quiet"),
        "--ignore-installed",  # a pip of the system takes the system's packages for ours
        *("--no-deps", "--no-compile", "--only-binary=:all:", "--log", str(log), *source),
        *plan.requirements,
    ]
    with _told_of(log, tell):
        done = holding.run(command, timeout_s=PIP_S, env=_pip_environment(work, offline))
    if done.returncode:
        raise pip_error(done.stderr or done.stdout, wheels=wheels, lacking=lacking)
    _clear(work, build / "pip")
    log.unlink(missing_ok=True)


def _pip_environment(work: Path, offline: bool) -> dict[str, str]:
    """Let pip ask nothing and keep nothing; off the network its configuration does not count."""
    dropped = ("PYTHON", "PIP_") if offline else ("PYTHON",)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        **({"PIP_CONFIG_FILE": os.devnull} if offline else {}),
        "PIP_NO_INPUT": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_USER": "0",
        "PIP_RETRIES": RETRIES,
        "TMPDIR": str(work),  # /tmp may be memory
    }


def _pip(build: Path, wheels: Path | None) -> Path:
    """Find pip and give the folder to run; its own wheel is unpacked, which is quicker than venv.

    Raises:
        DeviceStepError: there is none.
    """
    folders = [wheels] if wheels else []
    folders += [Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels")]
    spec = find_spec("ensurepip")
    folders += [Path(spec.origin).parent / "_bundled"] if spec and spec.origin else []
    for folder in folders:
        for wheel in sorted(folder.glob("pip-*.whl"), reverse=True):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(build / "pip")
            return build / "pip/pip"
    own = find_spec("pip")
    if own is None or not own.origin:
        raise DeviceStepError(
            "there is no pip on this system", hint="sudo apt install -y python3-venv"
        )
    return Path(own.origin).parent


@contextlib.contextmanager
def _told_of(log: Path, tell: Tell) -> Iterator[None]:
    """Tell what pip is at while the body waits for it."""
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(TELL_S):
            with contextlib.suppress(OSError):
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                words = [line.partition(" ")[2].strip() for line in lines if line.strip()]
                tell(Progress("environment", "note", f"pip: {(words or ['…'])[-1][:80]}"))

    thread = threading.Thread(target=follow, name="pip", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _prove(build: Path, plan: EnvironmentPlan, tell: Tell) -> dict[str, str]:
    """Import all that is promised; gives the versions.

    Raises:
        DeviceStepError: something cannot be imported.
    """
    needed = [name for name in plan.promised if name != "picamera2"]
    versions = _import(build / "bin/python", needed)
    if "picamera2" in plan.promised:
        try:
            versions |= _import(build / "bin/python", ["picamera2"])
        except DeviceStepError as error:
            with contextlib.suppress(DeviceStepError):
                _import(Path(sys.executable), ["picamera2"])
                raise error from None  # it works without us, so it has to work with us
            tell(Progress("environment", "warn", f"picamera2 is broken here: {error.message}"))
    return versions


def _import(python: Path, names: list[str]) -> dict[str, str]:
    modules = [MODULES.get(name, name) for name in names]
    done = holding.run([python, "-I", "-c", PROOF, *modules], timeout_s=PROOF_S)
    if done.returncode:
        raise _failure("importing the packages", done, hint="see the packages of the system")
    found: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _failure(what: str, done: CompletedProcess[str], *, hint: str) -> EdgeHdrError:
    """Give an error with the last line that a program said; a full disk is one of its own."""
    said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no word"]
    if done.returncode < 0:
        said = [f"ended by signal {-done.returncode}"]
    if "No space left on device" in done.stderr + done.stdout:
        return StorageError(f"{what}: the disk is full", hint="free some space, then run it again")
    return DeviceStepError(f"{what} failed: {said[-1]}", hint=hint)


def _clear(*places: Path) -> None:
    for place in places:
        shutil.rmtree(place, ignore_errors=True)
