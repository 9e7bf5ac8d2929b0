"""`edge-hdr deploy local:` and its neighbours, as a user without a service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_hdr_device import released
from edge_hdr_device.install.environment import MARKER
from edge_hdr_device.install.probe import platform_facts
from edge_hdr_device.install.requirements import Platform, plan
from tests.conftest import command_environment

pytestmark = pytest.mark.slow

SETTINGS = '[camera]\nsource = "synthetic"\n[samples]\nfolder = "{folder}"\n'
PLACES = (".local/share/edge-hdr", ".config/edge-hdr", ".local/state/edge-hdr-device", ".local/bin")
NANO = ("--model", "ds-cnn-nano-int8")


class Here:
    """A home of this machine that is deployed to; its environment is there, so pip has no work."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.base = home / PLACES[0]
        self._environment = command_environment(home)
        place = self.base / "environments" / plan(Platform.of(platform_facts())).key
        (place / "bin").mkdir(parents=True)
        python = place / "bin/python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        (place / MARKER).write_text("{}\n")

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run an edge-hdr command."""
        return subprocess.run(
            [sys.executable, "-m", "edge_hdr", *map(str, words)],
            env=self._environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def document(self, *words: str | Path, code: int = 0) -> dict[str, Any]:
        """Run it with --json and give the one document on its stdout."""
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["ok"] == (code == 0)
        return found

    def deploy(self, *words: str | Path, code: int = 0) -> dict[str, Any]:
        """Deploy to this home; gives `data`, or `error` where a code is expected."""
        found = self.document("deploy", "local:", "--user", "--no-service", *words, code=code)
        given: dict[str, Any] = found["error"] if code else found["data"]
        return given

    @property
    def current(self) -> str:
        return (self.base / "current").readlink().name

    def tree(self) -> set[str]:
        """List all that a deployment may have made, the lock and the history aside."""
        found = (path for place in PLACES for path in (self.home / place).rglob("*"))
        return {
            str(path) for path in found if path.name not in {"lock", "history.jsonl", "__pycache__"}
        }


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Here:
    """Give a home with the small model deployed."""
    place = Here(tmp_path_factory.mktemp("home"))
    first = place.deploy()
    assert (first["changed"], first["previous"]) == (True, None)
    return place


def test_the_same_again_does_nothing(here: Here) -> None:
    before = here.tree()
    again = here.deploy()
    assert (again["changed"], again["id"]) == (False, here.current)
    assert here.tree() == before


def test_another_model_sends_little_more_than_itself(here: Here) -> None:
    old = here.current
    found = here.deploy(*NANO)
    assert (found["previous"], found["id"]) == (old, here.current)
    canary = (here.base / "current/canary.json").stat().st_size
    assert found["sent_bytes"] <= 1.1 * (released.find(NANO[1]).stat().st_size + canary)
    back = here.document("rollback", "local:")["data"]
    assert (back["id"], here.current) == (old, old)
    here.document("rollback", "local:", "--to", found["id"])
    assert here.current == found["id"]


def test_a_release_that_is_not_there_is_no_way_back(here: Here) -> None:
    running = here.current
    unknown = here.document("rollback", "local:", "--to", "0" * 12, code=3)
    assert "0" * 12 in unknown["error"]["message"]
    assert here.current == running


def test_the_steps_are_told_and_stdout_has_the_result_alone(here: Here) -> None:
    done = here.run("deploy", "local:", "--user", "--no-service", "--force")
    assert done.returncode == 0, done.stderr
    assert "try the model on this board" in done.stderr
    assert done.stdout.startswith("local: release ")


def test_settings_that_are_wrong_change_nothing(here: Here, tmp_path: Path) -> None:
    before = here.tree()
    settings = tmp_path / "device.toml"
    settings.write_text("[read]\nagre = 3\n")
    error = here.deploy("--config", settings, code=3)
    assert "agre" in error["message"]
    assert "read.agree" in error["hint"]
    assert here.tree() == before


def test_a_measurement_is_written_once(here: Here, tmp_path: Path) -> None:
    out = tmp_path / "bench"
    words = ("bench", "--on", "local:", "--seconds", "0.5", "--cold", "0", "--no-accuracy")
    found = here.document(*words, "--out", out)["data"]
    (model,) = found["models"]
    assert found["target"] == "local:"
    assert all(model["latency"][what]["p50_ms"] > 0 for what in ("invoke", "call", "frame"))
    assert model["sha256"] == model["latency"]["sha256"]
    assert model["file_bytes"] > 0  # it is one of the released ones, whose bytes are here
    assert json.loads((out / "bench.json").read_text())["models"] == found["models"]
    assert here.run(*words, "--out", out).returncode == 3


def test_a_board_that_trusts_a_key_takes_nothing_unsigned(tmp_path: Path) -> None:
    place, key, other = Here(tmp_path / "home"), tmp_path / "key", tmp_path / "other"
    for file in (key, other):
        assert place.run("keygen", file, "--no-passphrase").returncode == 0
    signed, public = ("--sign", key), tmp_path / "key.pub"
    assert "private key" in place.deploy("--trust", key, *signed, code=3)["message"]
    assert "signed" in place.deploy("--trust", public, code=2)["message"]
    place.deploy(*signed, "--trust", public)
    running = place.current
    assert "--sign" in place.deploy(*NANO, code=2)["hint"]
    assert place.deploy(*NANO, "--sign", other, code=3)["code"] == "payload"
    assert place.current == running
    place.deploy(*NANO, *signed)
    assert place.current != running


def test_undeploy_leaves_what_was_collected_and_purge_nothing(tmp_path: Path) -> None:
    place = Here(tmp_path)
    samples = tmp_path / PLACES[2] / "samples"
    settings = tmp_path / "device.toml"
    settings.write_text(SETTINGS.format(folder=samples))
    place.deploy("--config", settings)
    assert (tmp_path / ".config/edge-hdr/device.toml").read_text() == settings.read_text()
    kept = samples / "accepted/1/1.png"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"a sample")
    found = place.document("undeploy", "local:")["data"]
    assert any("samples" in path for path in found["kept"])
    assert kept.read_bytes() == b"a sample"
    assert not place.base.exists()
    assert "edge-hdr deploy" in place.document("status", "local:", code=5)["error"]["hint"]
    assert place.document("undeploy", "local:")["data"]["removed"] == []
    again = Here(tmp_path)
    again.deploy()
    again.document("undeploy", "local:", "--purge")
    assert again.tree() == set()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("deploy",), "--inventory"),
        (("deploy", "local:", "--inventory", "x.yml"), "--inventory"),
        (("deploy", "pi@"), "host"),
        (("status",), "--inventory"),
    ],
)
def test_what_makes_no_sense_is_usage(words: tuple[str, ...], part: str, tmp_path: Path) -> None:
    done = Here(tmp_path).run(*words)
    assert done.returncode == 2, done.stderr
    assert part in done.stderr


def test_a_model_that_is_none_is_told_before_anything_is_done(tmp_path: Path) -> None:
    broken = tmp_path / "model.tflite"
    broken.write_bytes(b"TFL3" * 10)
    assert Here(tmp_path).deploy("--model", broken, code=3)["code"] == "model"
    assert not (tmp_path / PLACES[0] / "releases").exists()
