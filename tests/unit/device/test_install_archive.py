from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from small_payload import CONTENT, index_of, make_release, packed

from edge_hdr_device.errors import StorageError
from edge_hdr_device.install.archive import Archive, held
from edge_hdr_device.install.index import PayloadError
from edge_hdr_device.install.layout import Layout

INDEX = index_of()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.pyz"
    path.write_bytes(packed(index=INDEX, signature="a line\n"))
    return path


def test_a_member_is_written_whole_and_checked(whole: Path, tmp_path: Path) -> None:
    with Archive([whole]) as archive:
        assert archive.index == INDEX
        assert archive.index_bytes == INDEX.to_bytes()
        assert archive.signature == "a line"
        assert archive.has("model.tflite")
        assert not archive.has("device.toml")
        archive.check("model.tflite")
        archive.extract("model.tflite", tmp_path / "new" / "model")
    assert (tmp_path / "new" / "model").read_bytes() == CONTENT["model.tflite"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model"]


def test_several_archives_are_one_payload(tmp_path: Path) -> None:
    model = {"model.tflite": CONTENT["model.tflite"]}
    rest = {name: data for name, data in CONTENT.items() if name not in model}
    first, second = tmp_path / "a.pyz", tmp_path / "b.zip"
    first.write_bytes(packed(model, index=INDEX))
    second.write_bytes(packed(rest))
    with Archive([second, first]) as archive:
        assert all(archive.has(name) for name in CONTENT)
        archive.extract("canary.json", tmp_path / "canary")
        assert archive.signature is None
    with Archive([first]) as archive:
        assert not archive.has("canary.json")
        with pytest.raises(PayloadError, match=r"lacks canary\.json, and this board"):
            archive.extract("canary.json", tmp_path / "not")
    with pytest.raises(PayloadError, match="no payload of edge-hdr"):
        Archive([second])
    assert not (tmp_path / "not").exists()


def test_what_does_not_come_along_is_taken_from_the_board(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path)
    release = make_release(layout, "old")
    thin = tmp_path / "thin.pyz"
    thin.write_bytes(packed({}, index=INDEX))
    there = held(layout)
    assert set(there) == {member.sha256 for member in INDEX.members.values()}
    assert there[INDEX.members["runtime.zip"].sha256] == layout.runtimes / INDEX.runtime
    with Archive([thin]) as archive:
        archive.extract("model.tflite", tmp_path / "model", held=there)
        (release / "model.tflite").write_bytes(b"MODEL" * 1000)  # the card has aged
        with pytest.raises(PayloadError, match="not what the index says"):
            archive.extract("model.tflite", tmp_path / "again", held=there)
    assert (tmp_path / "model").read_bytes() == CONTENT["model.tflite"]
    assert not list(tmp_path.glob("again*"))


def test_a_board_has_only_what_is_there_and_whole(tmp_path: Path) -> None:
    layout = Layout.user(tmp_path)
    assert held(layout) == {}
    release = make_release(layout, "old")
    (release / "model.tflite").write_bytes(b"short")
    (layout.runtimes / INDEX.runtime).rmdir()
    (layout.releases / "torn").mkdir()
    (layout.releases / "torn" / "payload.json").write_text('{"format": 1, "mem')
    assert list(held(layout)) == [hashlib.sha256(b"{}").hexdigest()]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_payload_is_said_to_be_one(whole: Path, share: float) -> None:
    content = whole.read_bytes()
    whole.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(PayloadError, match=r"whole\.pyz is truncated, damaged or no payload"):
        Archive([whole])


def test_any_byte_that_changed_is_found(whole: Path, tmp_path: Path) -> None:
    content, found = whole.read_bytes(), 0
    for place in range(0, len(content), 7):
        whole.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            with Archive([whole]) as archive:
                for name in CONTENT:
                    archive.extract(name, tmp_path / "out" / name)
                    assert (tmp_path / "out" / name).read_bytes() == CONTENT[name]
        except PayloadError:
            found += 1
    assert found > len(content) // 7 // 2  # the rest are dates and modes, which nobody reads


@pytest.mark.parametrize("content", [b"other", b"mode" * 1250, b"model" * 1001])
def test_a_member_that_is_not_the_index_s_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.pyz"
    path.write_bytes(packed({**CONTENT, "model.tflite": content}, index=INDEX))
    with Archive([path]) as archive:
        with pytest.raises(PayloadError, match=r"model\.tflite is not what the index says"):
            archive.extract("model.tflite", tmp_path / "model")
        with pytest.raises(PayloadError, match=r"model\.tflite is not what the index says"):
            archive.check("model.tflite")
        archive.check("canary.json")
    assert [item.name for item in tmp_path.iterdir()] == ["bad.pyz"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PayloadError, match=r"cannot read .*none\.pyz: No such file"):
        Archive([tmp_path / "none.pyz"])
    with pytest.raises(PayloadError, match=r"cannot read .*: Is a directory"):
        Archive([tmp_path])


def test_an_index_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pyz"
    path.write_bytes(packed({}, extra={"payload.json": bytes(5 << 20)}))
    with pytest.raises(PayloadError, match="too large"):
        Archive([path])


def test_a_full_disk_leaves_nothing(whole: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from edge_hdr_device.install.archive import Archive\n"
        "from edge_hdr_device.errors import StorageError\n"
        "try: Archive([Path(sys.argv[1])]).extract('model.tflite', Path(sys.argv[2]))\n"
        "except StorageError as error: print(error.message); sys.exit(error.exit_code)\n"
    )
    to = tmp_path / "work" / "model.tflite"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(whole), str(to)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == StorageError.exit_code, done.stderr
    assert str(to) in done.stdout
    assert list(to.parent.iterdir()) == []
