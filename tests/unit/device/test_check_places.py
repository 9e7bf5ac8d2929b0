"""Which setting is to blame for a place that cannot be written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_hdr_device.camera.spec import parse
from edge_hdr_device.errors import ConfigError, StorageError
from edge_hdr_device.settings import CameraConfig, OutputConfig, RunConfig, SamplesConfig
from edge_hdr_device.writable import check_places


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder that everybody may look into, with one that is closed to all but its owner."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "closed").mkdir(mode=0o700)
        (folder / "file").touch()
        yield folder


@pytest.fixture
def nobody(place: Path) -> Iterator[None]:
    """Be a user without rights, where the tests are root's."""
    before = os.geteuid()
    if before:
        pytest.skip("only root can be somebody else")
    os.seteuid(65534)
    yield
    os.seteuid(before)


def samples(folder: Path | str) -> RunConfig:
    return RunConfig(samples=SamplesConfig(folder=str(folder)))


def refusal(config: RunConfig) -> str:
    with pytest.raises(StorageError) as caught:
        check_places(config)
    setting = caught.value.message.partition(" = ")[0]
    assert f"set {setting} to a place" in caught.value.hint
    return caught.value.message


def test_a_place_that_can_be_made_is_taken_and_not_made(place: Path) -> None:
    check_places(samples(place / "new" / "samples"))
    check_places(RunConfig(output=OutputConfig(file=str(place / "new" / "out.jsonl"))))
    assert not (place / "new").exists()


def test_a_folder_of_others_names_the_setting(place: Path, nobody: None) -> None:
    wanted = place / "samples"
    assert refusal(samples(wanted)) == (
        f"samples.folder = '{wanted}': {place} cannot be written by this user"
    )
    file = place / "out.jsonl"
    assert refusal(RunConfig(output=OutputConfig(file=str(file)))) == (
        f"output.file = '{file}': {place} cannot be written by this user"
    )


def test_a_folder_within_a_closed_one_names_the_setting_too(place: Path, nobody: None) -> None:
    wanted = place / "closed" / "samples"
    said = refusal(samples(wanted))
    assert said == f"samples.folder = '{wanted}': {wanted} is closed to this user"


def test_a_file_in_the_way_and_a_home_of_nobody_name_the_setting(place: Path) -> None:
    assert refusal(samples(place / "file")) == (
        f"samples.folder = '{place / 'file'}': {place / 'file'} is a file, not a folder"
    )
    assert "samples.folder = '~no-such-user/x': there is no such home" in refusal(
        samples("~no-such-user/x")
    )


def test_a_film_in_a_closed_folder_is_told_as_the_camera(place: Path, nobody: None) -> None:
    with pytest.raises(ConfigError, match=r"camera.source: cannot look at .*: Permission denied"):
        parse(CameraConfig(source=str(place / "closed" / "film.mp4")))
