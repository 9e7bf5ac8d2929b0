"""An archive of samples that comes from a board, which may be anybody's."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from edge_hdr.samples_pull import Pulled, _unpack


def archive(*members: tuple[str, bytes | tarfile.TarInfo]) -> io.BytesIO:
    """Make an archive of files, or of members as they are given."""
    result = io.BytesIO()
    with tarfile.open(fileobj=result, mode="w") as target:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                target.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_600_000_000
            target.addfile(info, io.BytesIO(content))
    return result


def link(name: str, to: str) -> tuple[str, tarfile.TarInfo]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, to
    return name, info


def unpack(content: io.BytesIO, tmp_path: Path, *asked: str) -> Pulled:
    result = Pulled("/there", tmp_path / "out")
    _unpack(content, dict.fromkeys(asked, 1), result)
    return result


def written(tmp_path: Path) -> list[str]:
    return sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if not p.is_dir())


def test_files_that_were_asked_for_are_written_with_their_time(tmp_path: Path) -> None:
    result = unpack(archive(("a/1.png", b"one"), ("b.png", b"")), tmp_path, "a/1.png", "b.png")
    assert (tmp_path / "out/a/1.png").read_bytes() == b"one"
    assert (tmp_path / "out/a/1.png").stat().st_mtime == 1_600_000_000
    assert (result.fetched, result.fetched_bytes) == (2, 3)


def test_nothing_else_is_written(tmp_path: Path) -> None:
    members = [
        ("../outside", b"x"),
        (str(tmp_path / "absolute"), b"x"),
        ("unasked", b"x"),
        link("a", str(tmp_path)),
        ("a/through-link", b"x"),
    ]
    result = unpack(archive(*members), tmp_path, "a")
    assert written(tmp_path) == []
    assert result.fetched == 0


def test_a_name_that_comes_twice_counts_once(tmp_path: Path) -> None:
    result = unpack(archive(("a", b"first"), ("a", b"second")), tmp_path, "a")
    assert (tmp_path / "out/a").read_bytes() == b"first"
    assert result.fetched == 1


def test_what_is_here_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_bytes(b"mine")
    (tmp_path / "out/b").symlink_to(tmp_path / "nowhere")
    result = unpack(archive(("a", b"theirs"), ("b", b"theirs")), tmp_path, "a", "b")
    assert (tmp_path / "out/a").read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()
    assert result.conflicts == ["a", "b"]


def test_an_archive_that_was_cut_gives_what_is_whole(tmp_path: Path) -> None:
    whole = archive(("a", b"x" * 2000), ("b", b"y" * 2000)).getvalue()
    for length in range(0, len(whole), 100):
        out = tmp_path / str(length)
        out.mkdir()
        result = unpack(io.BytesIO(whole[:length]), out, "a", "b")
        # a header of 512 bytes and the content in blocks of 512, for each of both
        expected = (length >= 512 + 2000) + (length >= 512 + 2048 + 512 + 2000)
        assert result.fetched == expected == len(written(out)), length
        assert all((out / name).stat().st_size == 2000 for name in written(out))
