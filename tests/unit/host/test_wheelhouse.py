"""Wheels for a board: fetched by pip for its own system, kept whole or not at all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edge_hdr import wheelhouse
from edge_hdr.errors import StorageError, UnreachableError
from edge_hdr_device.install.requirements import EnvironmentPlan, Platform

PI = Platform("aarch64", "3.11", "2.36")
PLAN = EnvironmentPlan(
    interpreter="toy", system_packages=False, requirements=("Toy.Lib==1.0", "wide==2.1"), key="k"
)
TOY = "toy_lib-1.0-cp311-cp311-manylinux_2_28_aarch64.whl"
WIDE = "wide-2.1-py3-none-any.whl"
FETCH = """
from edge_hdr import wheelhouse
from edge_hdr_device.install.requirements import EnvironmentPlan, Platform
plan = EnvironmentPlan("toy", False, ("wide==2.1",), "k")
wheelhouse.fetch(Platform("aarch64", "3.11", "2.36"), plan)
"""


def add_wheel(folder: Path, name: str) -> None:
    """Write a wheel that pip takes for one."""
    project, version, tag = name.removesuffix(".whl").split("-", 2)
    info = f"{project}-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\n"
                       f"Version: {version}\n")  # fmt: skip
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give pip a folder of wheels as its only index, and this test a cache of its own."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in (
        *(TOY, WIDE, "wide-2.2-py3-none-any.whl"),
        "toy_lib-1.0-cp311-cp311-manylinux_2_39_aarch64.whl",
        "toy_lib-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "toy_lib-1.0-cp312-cp312-manylinux_2_28_aarch64.whl",
    ):
        add_wheel(folder, name)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache/edge-hdr/wheels"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != wheelhouse.SUMS)


def in_cache(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name != ".lock")


def test_the_wheels_are_those_of_the_boards_system(index: Path) -> None:
    told: list[str] = []
    counted: list[tuple[str, int, int | None]] = []
    ours = wheelhouse.fetch(PI, PLAN, told.append, counted=lambda *what: counted.append(what))
    other = wheelhouse.fetch(Platform("x86_64", "3.11", "2.36"), PLAN)
    assert names(ours) == [TOY, WIDE]
    assert names(other) == [TOY.replace("aarch64", "x86_64"), WIDE]
    assert counted == [("toy_lib 1.0", 1, 2), ("wide 2.1", 2, 2)]
    assert told == ["1 of 2: toy_lib 1.0", "2 of 2: wide 2.1"]


def test_they_are_kept_for_the_next_time_and_fetched_again_when_damaged(
    index: Path, tmp_path: Path
) -> None:
    first = wheelhouse.fetch(PI, PLAN)
    index = index.rename(tmp_path / "away")
    told: list[str] = []
    assert wheelhouse.fetch(PI, PLAN, told.append) == first
    assert told == []
    index.rename(tmp_path / "index")
    whole = (first / TOY).read_bytes()
    (first / TOY).write_bytes(bytes(len(whole)))
    assert wheelhouse.fetch(PI, PLAN) == first
    assert names(first) == [TOY, WIDE]
    assert (first / TOY).read_bytes() == whole


def test_a_damaged_folder_is_known_as_such(tmp_path: Path) -> None:
    for name in (TOY, WIDE):
        add_wheel(tmp_path, name)
    wheelhouse.write_sums(tmp_path)
    assert wheelhouse.is_whole(tmp_path, PLAN)
    wheel = tmp_path / TOY
    content = wheel.read_bytes()
    wheel.write_bytes(content[:50])
    assert not wheelhouse.is_whole(tmp_path, PLAN)
    wheel.unlink()
    assert not wheelhouse.is_whole(tmp_path, PLAN)
    wheel.write_bytes(content)
    assert wheelhouse.is_whole(tmp_path, PLAN)
    add_wheel(tmp_path, "other-1.0-py3-none-any.whl")
    assert not wheelhouse.is_whole(tmp_path, PLAN)
    wheelhouse.write_sums(tmp_path)
    assert not wheelhouse.is_whole(tmp_path, PLAN)  # it is no part of the plan
    assert not wheelhouse.is_whole(tmp_path / "none", PLAN)


def test_a_wheel_that_the_index_lacks_is_named(index: Path, cache: Path) -> None:
    (index / TOY).unlink()
    with pytest.raises(UnreachableError, match=r"(?i)aarch64 with Python 3\.11.*toy.lib==1\.0"):
        wheelhouse.fetch(PI, PLAN)
    assert in_cache(cache) == []


def test_no_network_is_told_with_a_way_out(
    index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(UnreachableError, match="pip's index does not answer") as caught:
        wheelhouse.fetch(PI, PLAN)
    assert "PIP_FIND_LINKS=FOLDER" in caught.value.hint
    assert in_cache(cache) == []


def test_a_full_disk_is_told(cache: Path, index: Path) -> None:
    """The limit on a file's size stands for the disk; it holds for pip, too."""
    with zipfile.ZipFile(index / WIDE, "a") as wheel:
        wheel.writestr("wide/data", os.urandom(200_000))
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    done = subprocess.run(
        [sys.executable, "-B", "-c", script + FETCH], capture_output=True, text=True, check=False
    )
    assert "StorageError: the wheels cannot be written" in done.stderr
    assert in_cache(cache) == []


def test_a_cache_that_cannot_be_made_is_told(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot write"):
        wheelhouse.fetch(PI, PLAN)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_what_a_stopped_fetch_left_is_never_taken_for_whole(
    blow: signal.Signals, index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = EnvironmentPlan("toy", False, ("wide==2.1",), "k")
    with socket.create_server(("127.0.0.1", 0)) as silent, monkeypatch.context() as there:
        there.delenv("PIP_NO_INDEX")
        there.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        process = subprocess.Popen([sys.executable, "-c", FETCH], stderr=subprocess.DEVNULL)
        silent.settimeout(20)
        connection, _ = silent.accept()  # pip is there, and waits for an answer
        assert len(list(cache.glob(".part-*"))) == 1
        process.send_signal(blow)
        process.wait(timeout=20)
        connection.close()
        assert bool(list(cache.glob(".part-*"))) == (blow == signal.SIGKILL)
    if blow == signal.SIGKILL:
        assert names(wheelhouse.fetch(PI, plan)) == [WIDE]
    assert list(cache.glob(".part-*")) == []
