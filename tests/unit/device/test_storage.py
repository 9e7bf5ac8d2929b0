import resource
import subprocess
import sys
from pathlib import Path

import pytest

from edge_hdr_device.errors import StorageError
from edge_hdr_device.storage import write_atomic


def test_text_and_bytes_are_written_whole(tmp_path: Path) -> None:
    write_atomic(tmp_path / "new" / "a.txt", "grün")
    write_atomic(tmp_path / "b.bin", b"\0\1")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "grün".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\0\1"


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*file/a") as caught:
        write_atomic(tmp_path / "file" / "a", "x")
    assert "space" not in caught.value.hint


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_atomic(path, b"old")
    script = (
        "import sys; from pathlib import Path\n"
        "from edge_hdr_device.storage import write_atomic\n"
        "from edge_hdr_device.errors import StorageError\n"
        "try: write_atomic(Path(sys.argv[1]), bytes(100_000))\n"
        "except StorageError as error: sys.exit(error.exit_code)\n"
    )
    limit = 8192  # bytes that a file of that process may have: the write fails in its middle
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert done.returncode == 3
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["model.tflite"]
