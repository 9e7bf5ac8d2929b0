from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edge_hdr_device.camera.holders import holders, named_holders


def test_a_program_that_has_a_file_open_is_found_by_link_too(tmp_path: Path) -> None:
    path, link = tmp_path / "video0", tmp_path / "by-id"
    path.touch()
    link.symlink_to(path)
    script = f"import sys; held = open({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert [number for number, _ in holders([str(link)])] == [holder.pid]
        assert named_holders([str(path)]).endswith(f" (process {holder.pid})")
        holder.communicate()
    assert holders([str(path)]) == []


def test_we_ourselves_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    with path.open("w"):
        assert holders([str(path)]) == []


def test_processes_that_show_nothing_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2" / "fd").mkdir(parents=True)
    (tmp_path / "2" / "fd" / "0").symlink_to("/dev/video0")
    (tmp_path / "self").mkdir()
    assert holders(["/dev/video0"], proc=tmp_path) == [(2, "a process")]
