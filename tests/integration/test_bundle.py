"""`edge-hdr bundle` and `edge-hdr keygen` as a user runs them, and what they write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edge_hdr_device
from edge_hdr import payload, wheelhouse
from edge_hdr.errors import UnreachableError
from edge_hdr_device import released
from edge_hdr_device.install import trust
from edge_hdr_device.install.index import Index
from edge_hdr_device.install.requirements import EnvironmentPlan, Platform, plan

ROOT = Path(__file__).parents[2]
NANO = "ds-cnn-nano-int8"
Run = Callable[..., subprocess.CompletedProcess[str]]


def document(done: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["ok"] == (code == 0)
    result: dict[str, Any] = found["data"] if code == 0 else found["error"]
    return result


def on_a_board(file: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a payload as a board does: without this environment's packages, at home elsewhere."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(file), *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "HOME": str(file.parent), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_bundle_is_named_after_its_model_and_tells_how_to_install_it(
    edge_hdr: Run, tmp_path: Path
) -> None:
    data = document(edge_hdr("bundle", "--model", NANO, "--json"))
    name = f"edge-hdr-{NANO}-{data['id']}.pyz"
    assert data["files"] == {name: (tmp_path / name).stat().st_size}
    assert data["install"] == f"sudo python3 {name}"
    assert data["signed_by"] is None
    assert data["model"] == payload.build(released.find(NANO)).index.model
    with zipfile.ZipFile(tmp_path / name) as archive:
        index = Index.from_bytes(archive.read("payload.json"))
    assert data["members"] == {key: item.size_bytes for key, item in index.members.items()}


def test_nothing_is_overwritten_without_force(edge_hdr: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.pyz"
    file.write_text("mine")
    words = ("bundle", "--model", NANO, "--out", file)
    done = edge_hdr(*words)
    assert done.returncode == 3
    assert "x.pyz exists" in done.stderr
    assert "--force" in done.stderr
    assert file.read_text() == "mine"
    shown = edge_hdr(*words, "--force")
    assert shown.returncode == 0
    assert file.read_bytes() == payload.build(released.find(NANO)).thin()
    assert "sudo python3 x.pyz" in shown.stdout
    assert "signed by  nobody" in shown.stdout


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--offline"], "--for TARGET"),
        (["--offline", "--platform", "bokworm-64"], "did you mean bookworm-64?"),
        (["--platform", "bookworm-64", "--for", "local:"], "one of them"),
        (["--split"], "--offline"),
    ],
)
def test_what_makes_no_sense_is_told(words: list[str], hint: str, edge_hdr: Run) -> None:
    assert hint in document(edge_hdr("bundle", *words, "--json"), 2)["hint"]


def test_wrong_settings_and_models_are_told_before_anything_is_written(
    edge_hdr: Run, tmp_path: Path
) -> None:
    (tmp_path / "device.toml").write_text("[read]\nagre = 3\n")
    error = document(edge_hdr("bundle", "--config", "device.toml", "--json"), 3)
    assert "agree" in error["hint"]
    (tmp_path / "text.tflite").write_text("no model")
    assert document(edge_hdr("bundle", "--model", "text.tflite", "--json"), 3)["code"] == "model"
    assert not list(tmp_path.glob("*.pyz"))


def test_a_signed_bundle_is_one_that_a_board_with_the_key_takes(
    edge_hdr: Run, tmp_path: Path
) -> None:
    made = document(edge_hdr("keygen", "keys/mine", "--comment", "class 5b", "--json"))
    words = ("bundle", "--model", NANO, "--out", "x.pyz", "--sign", "keys/mine", "--json")
    assert document(edge_hdr(*words))["signed_by"] == made["fingerprint"]
    keys = trust.load(tmp_path / "keys/mine.pub")
    with zipfile.ZipFile(tmp_path / "x.pyz") as archive:
        line = archive.read("payload.json.sig").decode()
        assert trust.check(archive.read("payload.json"), line, keys) == keys[0]
    assert "exists" in document(edge_hdr("keygen", "keys/mine", "--json"), 3)["message"]


def test_a_key_with_a_passphrase_is_refused_where_nobody_can_be_asked(
    edge_hdr: Run, tmp_path: Path
) -> None:
    from edge_hdr import signing

    signing.create(tmp_path / "key", passphrase="four words or so")
    assert "terminal" in document(edge_hdr("bundle", "--sign", "key", "--json"), 2)["hint"]


def test_a_board_can_be_asked_for_its_system(edge_hdr: Run) -> None:
    words = ("bundle", "--model", NANO, "--for", "local:", "--out", "x.pyz", "--json")
    assert document(edge_hdr(*words))["interpreter"] in {"ai-edge-litert", "tflite-runtime"}


def test_a_payload_runs_by_the_boards_own_python(edge_hdr: Run, tmp_path: Path) -> None:
    data = document(edge_hdr("bundle", "--model", NANO, "--out", "x.pyz", "--json"))
    status = document(on_a_board(tmp_path / "x.pyz", "status", "--user", "--json"))
    assert status["base"] == str(tmp_path / ".local/share/edge-hdr")
    assert status["current"] is None
    words = ("install", "--user", "--dry-run", tmp_path / "x.pyz")
    planned = on_a_board(tmp_path / "x.pyz", *words)
    assert planned.returncode == 0, planned.stderr
    assert data["id"] in planned.stdout
    assert not (tmp_path / ".local").exists()


def test_an_installed_package_builds_the_same_payload(tmp_path: Path, tiny_int8: Path) -> None:
    """A wheel has the released models within the package, a checkout beside it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    script = (
        "import sys; from pathlib import Path; import edge_hdr, edge_hdr_device\n"
        "from edge_hdr import payload\n"
        "print(edge_hdr.__file__, edge_hdr_device.__file__)\n"
        "payload.build(Path(sys.argv[1])).write(Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tiny_int8), str(tmp_path / "x.pyz")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        check=True,
        capture_output=True,
        text=True,
    )
    assert all(word.startswith(str(tmp_path / "site")) for word in done.stdout.split())
    assert not edge_hdr_device.__file__.startswith(str(tmp_path))
    assert (tmp_path / "x.pyz").read_bytes() == payload.build(tiny_int8).thin()


# --- with the package index


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def fetched(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Fetch the wheels of a platform from pip's index; where there is none the test is skipped."""

    def fetch(name: str) -> Path:
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        system = Platform.named(name)
        try:
            return wheelhouse.fetch(system, plan(system))
        except UnreachableError as error:
            if os.environ.get("CI"):
                pytest.fail(f"pip's index is needed: {error}")
            pytest.skip(f"pip's index is needed: {error}")

    return fetch


def stand_ins(folder: Path, system: Platform, environment: EnvironmentPlan) -> Path:
    """Write empty wheels for what the board's system brings itself."""
    folder.mkdir()
    own = {"numpy": system.numpy, "opencv_python_headless": system.opencv}
    pinned = {text.partition("==")[0].replace("-", "_") for text in environment.requirements}
    for name, version in own.items():
        if version and name not in pinned:
            info = f"{name}-{version}.dist-info"
            with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
                head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                wheel.writestr(f"{info}/METADATA", head)
                wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
                wheel.writestr(f"{info}/RECORD", "")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x86_64-py3.11", "bookworm-32", "bookworm-64-picamera2"])
def test_the_pins_of_a_plan_are_complete_and_agree(
    name: str, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    """Let pip resolve them from the fetched wheels alone, with a look at every dependency."""
    system = Platform.named(name)
    environment = plan(system)
    wheels = fetched(name)
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-index"),
            *("--target", str(tmp_path / "target"), "--report", str(report)),
            *("--find-links", str(wheels)),
            *("--find-links", str(stand_ins(tmp_path / "system", system, environment))),
            *system.pip_options,
            *environment.requirements,
        ],
        env={name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = {item["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
             for item in json.loads(report.read_text())["install"]}  # fmt: skip
    pinned = {text.partition("==")[0].lower().replace("_", "-").replace(".", "-")
              for text in environment.requirements}  # fmt: skip
    assert pinned <= found <= pinned | {"numpy"}


@pytest.mark.slow
@pytest.mark.parametrize("split", [False, True])
def test_an_offline_bundle_brings_all_wheels_and_keeps_its_id(
    split: bool, fetched: Callable[[str], Path], edge_hdr: Run, cache: Path, tmp_path: Path
) -> None:
    wheels = sorted(path.name for path in fetched("bookworm-32").glob("*.whl"))
    words = ["bundle", "--model", NANO, "--out", "x.pyz", "--json"]
    words += ["--offline", "--platform", "bookworm-32", *(["--split"] if split else [])]
    data = document(edge_hdr(*words, env={"XDG_CACHE_HOME": str(cache)}))
    assert data["id"] == payload.build(released.find(NANO)).id
    assert data["interpreter"] == "tflite-runtime"
    assert sorted(Index.from_bytes(_read(tmp_path / "x.pyz", "payload.json")).wheels) == wheels
    files = ["x.pyz", "x.pyz.wheels.zip"] if split else ["x.pyz"]
    assert list(data["files"]) == files
    with zipfile.ZipFile(tmp_path / files[-1]) as archive:
        brought = [Path(name).name for name in archive.namelist() if name.endswith(".whl")]
        assert (brought, archive.testzip()) == (wheels, None)
    planned = on_a_board(tmp_path / "x.pyz", "install", "--user", "--dry-run",
                         *(tmp_path / file for file in files))  # fmt: skip
    assert planned.returncode == 0, planned.stderr
    assert f"from {len(wheels)} wheels" in planned.stdout
    assert data["install"].split()[3:] == (["install", *files] if split else [])


def _read(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        return opened.read(name)


@pytest.mark.slow
def test_no_network_ends_with_its_own_code(edge_hdr: Run, tmp_path: Path) -> None:
    away = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
    kept = {name: "" for name in os.environ if name in {"PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"}}
    words = ("bundle", "--offline", "--platform", "bookworm-32", "--json")
    error = document(edge_hdr(*words, env=kept | away), 4)
    assert "does not answer" in error["message"]
    assert "PIP_FIND_LINKS" in error["hint"]
    assert not list(tmp_path.glob("*.pyz"))
