"""What a payload is made of, and that the same inputs make the same bytes."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

import edge_hdr_device
from edge_hdr import payload
from edge_hdr.edgetpu_rules import CUSTOM_OPERATOR
from edge_hdr.errors import ConfigError, InputError, ModelError, StorageError
from edge_hdr.payload_archive import runtime_archive
from edge_hdr_device import released
from edge_hdr_device.install.index import Index, Member
from edge_hdr_device.manifest import pack, read_model

PACKAGE = Path(edge_hdr_device.__file__).parent
BUILD = """
import os, sys
from pathlib import Path
import edge_hdr_device
from edge_hdr import payload
os.umask(int(sys.argv[1], 8))
made = payload.build(Path(sys.argv[2]))
made.write(Path(sys.argv[3]))
print(Path(edge_hdr_device.__file__).parent, made.id)
"""


@pytest.fixture(scope="module")
def plain(tiny_int8: Path) -> payload.Payload:
    """Give a payload of the smallest model, with nothing that it can do without."""
    return payload.build(tiny_int8)


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Path]:
    """Copy the device package and its models, with caches, to another place; give its parent."""

    def copy(name: str) -> Path:
        package = tmp_path / name / "edge_hdr_device"
        shutil.copytree(PACKAGE, package)
        if not (package / "released").exists():
            shutil.copytree(released.folder(), package / "released")
        (package / "__pycache__").mkdir(exist_ok=True)
        (package / "__pycache__/errors.cpython-311.pyc").write_bytes(name.encode())
        return package.parent

    return copy


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("h11-0.16.0-py3-none-any.whl", "numpy-2.4.6-cp311-cp311-linux_x86_64.whl"):
        with zipfile.ZipFile(folder / name, "w") as wheel:
            wheel.writestr("METADATA", f"Name: {name}\n" * 50)
    return folder


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def member(made: payload.Payload, name: str) -> bytes:
    return opened(made.thin()).read(f"members/{name}")


def changed(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


# --- the same inputs give the same bytes


def test_a_runtime_has_the_same_bytes_wherever_and_whenever_its_files_were_copied(
    copied: Callable[[str], Path],
) -> None:
    folder = copied("there")
    for number, path in enumerate(sorted(folder.rglob("*"))):
        path.chmod(0o777 if number % 2 else 0o700)
        os.utime(path, (number, 10**9 + number))
    package = folder / "edge_hdr_device"
    assert runtime_archive(package, package / "released") == runtime_archive()


def test_another_process_builds_the_same_file(
    copied: Callable[[str], Path], tiny_int8: Path, tmp_path: Path
) -> None:
    files = []
    for name, umask, language, seed in (("one", "077", "C", "1"), ("two", "000", "tr_TR", "2")):
        folder = copied(name)
        files.append(tmp_path / f"{name}.pyz")
        environment = {"PYTHONPATH": str(folder), "LC_ALL": language, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", BUILD, umask, str(tiny_int8), str(files[-1])],
            env=os.environ | environment,
            cwd=tmp_path / name,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.split()[0] == str(folder / "edge_hdr_device")
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() == payload.build(tiny_int8).thin()


def test_the_runtime_is_the_whole_package_with_its_models_and_no_caches(
    plain: payload.Payload,
) -> None:
    with opened(member(plain, "runtime.zip")) as runtime:
        names = runtime.namelist()
        assert names == sorted(names)
        assert {info.compress_type for info in runtime.infolist()} == {zipfile.ZIP_STORED}
        assert runtime.read("edge_hdr_device/errors.py") == (PACKAGE / "errors.py").read_bytes()
    for name in (
        "web/static/index.html", "released/ds-cnn-small-int8/model.tflite",
        "released/context/context.tflite", "py.typed",
    ):  # fmt: skip
        assert f"edge_hdr_device/{name}" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_every_entry_has_a_fixed_date_and_mode(plain: payload.Payload) -> None:
    with opened(plain.thin()) as outer, opened(member(plain, "runtime.zip")) as inner:
        assert outer.namelist() == sorted(outer.namelist())
        for info in (*outer.infolist(), *inner.infolist()):
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.create_system, info.external_attr >> 16) == (3, 0o100644)


# --- the id


def test_the_id_is_the_same_with_and_without_wheels_and_signature(
    plain: payload.Payload, tiny_int8: Path, wheels: Path, tmp_path: Path
) -> None:
    from edge_hdr import signing

    key = signing.create(tmp_path / "key")
    full = payload.build(tiny_int8, wheels=wheels, key=key)
    assert full.id == plain.id
    assert full.index_bytes != plain.index_bytes
    assert sorted(full.index.wheels) == sorted(path.name for path in wheels.iterdir())


def test_one_byte_of_the_package_or_of_a_released_model_makes_another_runtime(
    copied: Callable[[str], Path],
) -> None:
    package = copied("there") / "edge_hdr_device"
    seen = {runtime_archive(package)}
    for name in ("errors.py", "web/static/icon.svg", "released/ds-cnn-nano-int8/model.tflite"):
        changed(package / name)
        seen.add(runtime_archive(package, package / "released"))
    assert len(seen) == 1 + 3


def test_one_byte_of_any_member_makes_another_release(plain: payload.Payload) -> None:
    members = plain.index.members
    ids = {plain.id}
    for name in members:
        other = Member("0" * 64, members[name].size_bytes)
        ids.add(replace(plain.index, members={**members, name: other}).id)
    assert len(ids) == 1 + len(members)


def test_another_model_or_other_settings_make_another_release(
    plain: payload.Payload, tiny_float: Path, tiny_int8: Path, tmp_path: Path
) -> None:
    config = tmp_path / "device.toml"
    config.write_text("[read]\nagree = 3\n")
    ids = [plain.id, payload.build(tiny_float).id, payload.build(tiny_int8, config=config).id]
    config.write_text("[read]\nagree = 4\n")
    made = payload.build(tiny_int8, config=config)
    assert len({*ids, made.id}) == 4
    assert member(made, "device.toml") == config.read_bytes()


# --- what is in the archive


def test_the_index_describes_every_member(plain: payload.Payload) -> None:
    with opened(plain.thin()) as archive:
        index = Index.from_bytes(archive.read("payload.json"))
        names = [name for name in archive.namelist() if name.startswith("members/")]
        assert names == [f"members/{name}" for name in sorted(index.members)]
        for name, entry in index.members.items():
            assert Member.of(archive.read(f"members/{name}")) == entry
        assert "payload.json.sig" not in archive.namelist()
    assert index == plain.index
    assert index.version == edge_hdr_device.__version__


def test_the_model_is_called_as_the_runtime_calls_it(
    plain: payload.Payload, tiny_int8: Path, tiny_float: Path
) -> None:
    from edge_hdr_device.delegates import choose

    for path, made in ((tiny_int8, plain), (tiny_float, payload.build(tiny_float))):
        assert made.index.model == choose(path, delegate="none", threads=1).model_id


def test_a_thin_payload_lacks_what_a_board_has_and_keeps_its_head(
    tiny_int8: Path, wheels: Path, tmp_path: Path
) -> None:
    from edge_hdr import signing

    key = signing.create(tmp_path / "key")
    made = payload.build(tiny_int8, wheels=wheels, key=key)
    kept = {"model.tflite", "wheels/h11-0.16.0-py3-none-any.whl"}
    have = {entry.sha256 for name, entry in made.index.members.items() if name not in kept}
    with opened(made.thin(have)) as archive:
        head = {"__main__.py", "payload.json", "payload.json.sig"}
        assert set(archive.namelist()) == head | {f"members/{name}" for name in kept}
        assert archive.read("payload.json") == made.index_bytes
        assert archive.read("payload.json.sig") == f"{made.signature}\n".encode()
    assert made.size(have) == len(made.thin(have)) < made.size()


@pytest.mark.parametrize("name", released.names())
def test_a_model_only_update_is_hardly_more_than_the_model(name: str) -> None:
    made = payload.build(released.find(name))
    members = made.index.members
    news = members["model.tflite"].size_bytes + members["canary.json"].size_bytes
    assert made.size([members["runtime.zip"].sha256]) <= 1.1 * news


def test_wheels_are_stored_and_the_rest_is_deflated(tiny_int8: Path, wheels: Path) -> None:
    made = payload.build(tiny_int8, wheels=wheels)
    with opened(made.thin()) as archive:
        for info in archive.infolist():
            stored = info.compress_type == zipfile.ZIP_STORED
            assert stored == info.filename.endswith(".whl"), info.filename
        assert archive.testzip() is None


def test_a_split_payload_has_its_wheels_in_a_second_archive(
    tiny_int8: Path, wheels: Path, tmp_path: Path
) -> None:
    made = payload.build(tiny_int8, wheels=wheels)
    made.write_split(tmp_path / "x.pyz", tmp_path / "x.wheels.zip")
    with (
        zipfile.ZipFile(tmp_path / "x.pyz") as first,
        zipfile.ZipFile(tmp_path / "x.wheels.zip") as second,
    ):
        names = {f"members/wheels/{path.name}" for path in wheels.iterdir()}
        assert set(second.namelist()) == names
        assert not names & set(first.namelist())
        assert first.read("payload.json") == made.index_bytes


# --- the Edge TPU


def compiled_for_the_edge_tpu(model: Path, source: bytes) -> bytes:
    """Make what passes for a compiled file: the runtime's manifest, the custom operator's name."""
    _, manifest = read_model(model)
    assert manifest is not None
    told = {"edge_tpu": {"compiled_from_sha256": hashlib.sha256(source).hexdigest()}}
    told_manifest = replace(manifest, metrics=told)
    return pack(b"\0\0\0\0TFL3" + CUSTOM_OPERATOR.encode(), told_manifest)


def test_a_model_takes_its_twin_for_the_edge_tpu_along(
    plain: payload.Payload, tiny_int8: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copy(tiny_int8, tmp_path / "model.tflite"))
    twin = tmp_path / "model_edgetpu.tflite"
    twin.write_bytes(compiled_for_the_edge_tpu(model, read_model(model)[0]))
    made = payload.build(model)
    assert member(made, "model_edgetpu.tflite") == twin.read_bytes()
    assert made.index.model == plain.index.model
    assert made.id != plain.id


def test_a_twin_of_another_model_is_refused(tiny_int8: Path, tmp_path: Path) -> None:
    model = Path(shutil.copy(tiny_int8, tmp_path / "model.tflite"))
    (tmp_path / "model_edgetpu.tflite").write_bytes(compiled_for_the_edge_tpu(model, b"another"))
    with pytest.raises(ModelError, match="was not compiled from the model beside it"):
        payload.build(model)


def test_a_file_for_the_edge_tpu_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        payload.build(tmp_path / "digits_edgetpu.tflite")
    assert str(tmp_path / "digits.tflite") in caught.value.hint


# --- what is refused


def damaged(content: bytes) -> Iterable[tuple[str, bytes]]:
    yield "truncated", content[:-100]
    yield "of another hash", content[:3000] + bytes([content[3000] ^ 1]) + content[3001:]
    yield "no model", b"PK\3\4 not a model"


@pytest.mark.parametrize("index", range(3))
def test_a_damaged_model_is_refused_by_its_name(
    index: int, tiny_int8: Path, tmp_path: Path
) -> None:
    what, content = list(damaged(tiny_int8.read_bytes()))[index]
    model = tmp_path / f"{what}.tflite"
    model.write_bytes(content)
    with pytest.raises(ModelError, match=what):
        payload.build(model)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model"):
        payload.build(tmp_path / "none.tflite")


@pytest.mark.parametrize(
    ("text", "message"),
    [("[read]\nagre = 3\n", "agre"), ("[reed]\n", "reed"), ("[read\n", "TOML"), (None, "cannot")],
)
def test_wrong_settings_are_refused_here(
    text: str | None, message: str, tiny_int8: Path, tmp_path: Path
) -> None:
    config = tmp_path / "device.toml"
    if text is not None:
        config.write_text(text)
    with pytest.raises(ConfigError, match=message):
        payload.build(tiny_int8, config=config)


def test_settings_are_checked_without_this_computers_own(
    tiny_int8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "device.toml"
    config.write_text("[read]\nagree = 3\n")
    monkeypatch.setenv("EDGE_HDR_DEVICE_READ_AGREE", "none")
    assert "device.toml" in payload.build(tiny_int8, config=config).index.members


def test_a_folder_without_wheels_is_refused(tiny_int8: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no wheels"):
        payload.build(tiny_int8, wheels=tmp_path)


@pytest.mark.parametrize("gone", [True, False])
def test_a_wheel_that_changed_meanwhile_is_noticed(
    gone: bool, tiny_int8: Path, wheels: Path, tmp_path: Path
) -> None:
    made = payload.build(tiny_int8, wheels=wheels)
    wheel = next(iter(wheels.iterdir()))
    wheel.unlink() if gone else changed(wheel)
    with pytest.raises(StorageError, match=wheel.name):
        made.write(tmp_path / "x.pyz")
    assert not (tmp_path / "x.pyz").exists()


def test_a_full_disk_leaves_what_was_there(tiny_int8: Path, tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk: the write fails half way in."""
    file = tmp_path / "x.pyz"
    file.write_text("before")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    done = subprocess.run(
        [sys.executable, "-c", limited + BUILD, "022", str(tiny_int8), str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert f"StorageError: cannot write {file}" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.pyz"]
    assert file.read_text() == "before"
