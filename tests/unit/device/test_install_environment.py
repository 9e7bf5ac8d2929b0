"""An environment is made beside and proven, by the real venv and pip, before it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from edge_hdr_device.errors import DeviceStepError, EdgeHdrError, StorageError, UnreachableError
from edge_hdr_device.install import environment
from edge_hdr_device.install.environment import MARKER, ensure, is_whole
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.pip_words import offline_lacks, pip_error
from edge_hdr_device.install.requirements import EnvironmentPlan
from edge_hdr_device.install.steps import Progress

EMPTY = EnvironmentPlan("ai-edge-litert", True, (), "0" * 12, promised=("json",))
OWN = EnvironmentPlan(
    "ai-edge-litert", False, ("own_thing==1.5",), "1" * 12, promised=("own_thing",)
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout.system(tmp_path)
    found.work.mkdir(parents=True)
    return found


def wheel(folder: Path, name: str = "own_thing", code: str = "__version__ = '1.5'") -> Path:
    """Write a wheel of one module with a console script."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-1.5-py3-none-any.whl"
    info = f"{name}-1.5.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", code)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        tag = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tag)
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def made(layout: Layout, plan: EnvironmentPlan, wheels: Path | None) -> tuple[Path, list[Progress]]:
    told: list[Progress] = []
    return ensure(layout, plan, wheels, told.append), told


def nothing_is_left(layout: Layout) -> bool:
    return not list(layout.work.iterdir()) and not list(layout.environments.glob("*"))


def test_one_that_needs_nothing_is_made_without_pip_and_taken_again(layout: Layout) -> None:
    place, told = made(layout, EMPTY, None)
    assert place == layout.environments / EMPTY.key
    assert is_whole(place)
    assert told == []
    assert json.loads((place / MARKER).read_text())["key"] == EMPTY.key
    assert not list(layout.work.iterdir())
    before = (place / MARKER).stat().st_mtime_ns
    assert made(layout, EMPTY, None)[0] == place
    assert (place / MARKER).stat().st_mtime_ns == before


def test_it_sees_what_this_python_sees(layout: Layout) -> None:
    """Also where this Python is that of a virtual environment, as in these tests."""
    place, _ = made(layout, replace(EMPTY, promised=("numpy", "cv2")), None)
    versions = json.loads((place / MARKER).read_text())["versions"]
    import numpy as np

    assert versions["numpy"] == np.__version__
    code = "import numpy; print(numpy.__file__)"
    command = [place / "bin/python", "-I", "-c", code]
    seen = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert seen == np.__file__


def test_packages_come_from_the_wheels_and_nothing_else_does(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")  # pip's own settings do not count off the network
    wheel(tmp_path / "wheels")
    place, told = made(layout, OWN, tmp_path / "wheels")
    assert [note.detail for note in told] == ["installing 1 packages from the payload's wheels"]
    assert json.loads((place / MARKER).read_text())["versions"] == {"own_thing": "1.5"}
    assert {path.name.rstrip("0123456789.") for path in (place / "bin").iterdir()} == {"python"}
    folders = {path.name for path in place.iterdir() if path.is_dir()}
    assert folders - {"include", "lib64"} == {"bin", "lib"}  # neither pip nor its scratch
    (site,) = place.glob("lib/python*/site-packages")
    assert (site / "own_thing/__pycache__").is_dir()  # compiled by the proof
    command = [place / "bin/python", "-I", "-c", "import numpy"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_a_package_that_cannot_be_imported_is_named_and_nothing_is_left(layout: Layout) -> None:
    with pytest.raises(DeviceStepError, match=r"no_such_package: ModuleNotFoundError"):
        made(layout, replace(EMPTY, promised=("json", "no_such_package")), None)
    assert nothing_is_left(layout)


def test_a_package_that_kills_python_is_told_by_the_signal(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "PROOF", "import os; os.kill(os.getpid(), 4)")
    with pytest.raises(DeviceStepError, match="ended by signal 4"):
        made(layout, EMPTY, None)
    assert nothing_is_left(layout)


def test_a_picamera2_that_is_broken_without_us_is_told_and_no_more(layout: Layout) -> None:
    place, told = made(layout, replace(EMPTY, promised=("json", "picamera2")), None)
    assert is_whole(place)
    assert [note.state for note in told] == ["warn"]
    assert "picamera2" in told[0].detail


def test_wheels_for_another_board_are_told_as_such(layout: Layout, tmp_path: Path) -> None:
    path = wheel(tmp_path / "wheels")
    path.rename(path.with_name("own_thing-1.5-cp311-cp311-manylinux_2_28_riscv64.whl"))
    with pytest.raises(
        DeviceStepError, match=r"not for this board: none of own_thing==1\.5"
    ) as caught:
        made(layout, OWN, tmp_path / "wheels")
    assert "edge-hdr bundle --offline --for" in caught.value.hint
    assert nothing_is_left(layout)


def test_an_index_that_does_not_answer_is_told_as_such(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setattr(environment, "RETRIES", "0")
    (tmp_path / "wheels").mkdir()
    with pytest.raises(UnreachableError) as caught:
        made(layout, OWN, tmp_path / "wheels")
    assert "--offline" in caught.value.hint
    assert nothing_is_left(layout)


def test_one_whose_python_has_gone_is_made_anew(layout: Layout) -> None:
    place, _ = made(layout, EMPTY, None)
    (place / "bin/python").unlink()
    (place / "bin/python").symlink_to("/usr/bin/python3.99")
    assert not is_whole(place)
    made(layout, EMPTY, None)
    assert is_whole(place)
    assert not list(layout.work.iterdir())


def test_a_killed_maker_leaves_nothing_in_its_place(layout: Layout) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from edge_hdr_device.install import environment\n"
        "from edge_hdr_device.install.layout import Layout\n"
        "from edge_hdr_device.install.requirements import EnvironmentPlan\n"
        "environment.PROOF = 'import os; os.kill(os.getppid(), 9)'\n"
        "plan = EnvironmentPlan('x', True, (), '0' * 12, ('json',))\n"
        "environment.ensure(Layout.system(Path(sys.argv[1])), plan, None, print)\n"
    )
    command = [sys.executable, "-c", script, str(layout.base.parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    assert not layout.environments.exists()
    assert list(layout.work.iterdir())  # what the next holder sweeps
    assert is_whole(made(layout, EMPTY, None)[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_told_and_nothing_is_left(layout: Layout) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=8", "tmpfs", str(layout.base)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        layout.work.mkdir()
        with pytest.raises(StorageError) as caught:
            made(layout, EMPTY, None)
        assert "full" in caught.value.message or "No space" in caught.value.message
        assert nothing_is_left(layout)
    finally:
        subprocess.run(["umount", str(layout.base)], check=True)


def test_wheels_are_known_by_their_names(tmp_path: Path) -> None:
    for name in ("Own.Thing-1.5-py3-none-any.whl", "paho_mqtt-2.2.0-py3-none-any.whl"):
        (tmp_path / name).touch()
    pins = ("own-thing==1.5", "own_thing==1.6", "paho-mqtt==2.2.0", "click==8.5.1")
    assert offline_lacks(pins, tmp_path) == ["own_thing==1.6", "click==8.5.1"]
    assert offline_lacks(pins, None) == list(pins)


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", StorageError, "full"),
        ("OSError: [Errno 30] Read-only file system: '/opt'", StorageError, "read-only"),
        ("WARNING: connection broken by 'X'\nERROR: No matching distribution found",
         UnreachableError, "does not answer"),
        ("ERROR: No matching distribution found for click==8.5.1", UnreachableError, "click=="),
        ("a\nb\nc\nd", DeviceStepError, "b / c / d"),
        ("", DeviceStepError, "no word"),
    ],
)  # fmt: skip
def test_pip_s_words_become_errors(said: str, kind: type[EdgeHdrError], message: str) -> None:
    error = pip_error(said, wheels=None, lacking=[])
    assert type(error) is kind
    assert message in error.message
    assert error.hint
