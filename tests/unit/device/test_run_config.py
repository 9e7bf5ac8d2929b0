"""Settings of the runtime: where they come from, which one wins, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_hdr_device.config import names, resolve, state_folder
from edge_hdr_device.errors import ConfigError
from edge_hdr_device.settings import RunConfig


def test_every_default_works_without_a_file(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve({}, environment={}) == RunConfig()


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_text('[read]\nagree = 5\nshare = 0.7\nexpect = "[0-9]{5}"\n')
    environment = {"EDGE_HDR_DEVICE_READ_AGREE": "6", "EDGE_HDR_DEVICE_READ_SHARE": "0.8"}
    config = resolve({"read.agree": 7, "read.share": None}, file=file, environment=environment)
    assert (config.read.agree, config.read.share, config.read.expect) == (7, 0.8, "[0-9]{5}")


def test_a_file_in_this_folder_is_taken(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("edge-hdr-device.toml").write_text("[web]\nenabled = false\n")
    assert not resolve({}, environment={}).web.enabled


def test_lists_and_truth_come_from_text_as_well(tmp_path: Path) -> None:
    environment = {
        "EDGE_HDR_DEVICE_READ_ROI": "left=0,0,10,10; right=10,0,10,10",
        "EDGE_HDR_DEVICE_CAMERA_LOOP": "yes",
        "EDGE_HDR_DEVICE_OUTPUT_FILE_BYTES": "1e6",
    }
    config = resolve({}, file=_empty(tmp_path), environment=environment)
    assert config.read.roi == ("left=0,0,10,10", "right=10,0,10,10")
    assert config.camera.loop is True
    assert config.output.file_bytes == 1_000_000


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[read]\nagre = 3", "unknown setting 'read.agre'", "did you mean read.agree?"),
        ("[reading]\nagree = 3", "unknown table [reading]", "did you mean [read]?"),
        ("agree = 3", "unknown table [agree]", "known: "),
        ("[read]\nagree = 0", "read.agree = 0 is out of range", "at least 1"),
        ("[read]\nagree = 2.5", "read.agree = 2.5 is no int", "the default is 3"),
        ("[read]\nagree = true", "read.agree = True is no int", "the default is 3"),
        ("[read]\nshare = 0.5", "read.share = 0.5", "more than 0.5"),
        ("[read]\nroi = [1, 2]", "read.roi = [1, 2] is no list of texts", "the default is ()"),
        ("[read]\ngate = 'maybe'", "read.gate = 'maybe' is no bool", "the default is True"),
        ("[output]\nstdout = 'all'", "output.stdout = 'all' is unknown", "readings"),
        ("[camera]\nrotate = 45", "camera.rotate = 45 is unknown", "90"),
        ("[web]\nport = 70000", "web.port = 70000 is out of range", "at most 65535"),
        ("[web\n", "is no TOML", "mend that line"),
    ],
)
def test_a_bad_file_is_refused_with_what_to_do(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    file = tmp_path / "device.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        resolve({}, file=file, environment={})
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_missing_file_that_was_named_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        resolve({}, file=tmp_path / "no.toml", environment={})


def test_an_unknown_variable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"environment: unknown setting 'read\.agre'"):
        resolve({}, file=_empty(tmp_path), environment={"EDGE_HDR_DEVICE_READ_AGRE": "3"})


def test_every_setting_is_documented_in_its_table() -> None:
    tables = {name: type(getattr(RunConfig(), name)) for name in RunConfig.__dataclass_fields__}
    for name in names():
        table, key = name.split(".")
        assert f"{key}:" in (tables[table].__doc__ or ""), name


def test_the_state_folder_is_ours_then_systemds_then_the_users(monkeypatch: Any) -> None:
    for name in ("EDGE_HDR_STATE", "STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert state_folder() == Path("/home/someone/.local/state/edge-hdr-device")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")
    assert state_folder() == Path("/var/lib/a")
    monkeypatch.setenv("EDGE_HDR_STATE", "/srv/state")
    assert state_folder() == Path("/srv/state")


def _empty(folder: Path) -> Path:
    file = folder / "empty.toml"
    file.write_text("")
    return file
