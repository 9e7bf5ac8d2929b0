"""What must not run on a board does not: each refusal, and that what ran before runs on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_access import Access
from deployments import (
    RELEASED,
    SETTINGS,
    Installer,
    archive,
    changed,
    files,
    make,
    model,
    state,
    wait_until_runs,
    with_runtime,
)
from real_boards import SystemBoard

from edge_hdr import payload, signing
from edge_hdr.payload import Payload
from edge_hdr_device.manifest import pack, read_model

pytestmark = pytest.mark.slow


class Careful:
    """A board that runs a release which nothing here may disturb."""

    def __init__(self, board: SystemBoard, access: Access, folder: Path) -> None:
        self.board = board
        self.installer = Installer(board, access)
        self.folder = folder
        self.first = make(folder, "first")
        assert self.installer.run(archive(self.first)).data["changed"]
        wait_until_runs(board, self.first.index.id)

    def refuses(self, content: bytes, code: int, *words: str, restarted: bool = False) -> dict:
        """Try to install; check that it fails and that all is as it was; give the error."""
        before, listing = state(self.board), files(self.board)
        done = self.installer.run(content, *words)
        assert done.code == code, (done.events, done.document, done.stderr)
        if restarted:
            wait_until_runs(self.board, before.current)
        else:
            assert state(self.board) == before
        assert files(self.board) == listing
        return {**done.error, "events": done.events, "data": done.document.get("data")}


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Careful]:
    folder = tmp_path_factory.mktemp("refused")
    access = Access(folder / "access")
    with SystemBoard(folder / "boards", access, packages=True) as board:
        board.limit("/opt", 64 << 20)
        board.limit("/etc/edge-hdr", 64 << 10)
        yield Careful(board, access, folder)


def test_a_member_with_another_hash(careful: Careful) -> None:
    made = make(careful.folder, "second")
    other = {**made.contents, "model.tflite": made.contents["model.tflite"] + b"\0"}
    wrong = Payload(made.index, made.index_bytes, other)
    error = careful.refuses(archive(wrong), 3)
    assert "model.tflite" in error["message"]
    assert "begin switch" not in error["events"]


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_payload(careful: Careful, share: float) -> None:
    content = archive(make(careful.folder, "second"))
    before, listing = state(careful.board), files(careful.board)
    done = careful.installer.run(content[: int(len(content) * share)])
    assert done.code not in {0, 255}
    assert (state(careful.board), files(careful.board)) == (before, listing)


def test_a_model_that_reads_wrongly(careful: Careful) -> None:
    flatbuffer, manifest = read_model(RELEASED)
    assert manifest is not None
    mixed_up = dataclasses.replace(manifest, labels=tuple(reversed(manifest.labels)))
    path = careful.folder / "mixed-up.tflite"
    path.write_bytes(pack(flatbuffer, mixed_up))
    error = careful.refuses(archive(payload.build(path)), 6)
    assert "golden digits right" in error["message"]


def test_a_model_that_crashes_the_interpreter(careful: Careful) -> None:
    flatbuffer, manifest = read_model(RELEASED)
    assert manifest is not None
    hollow = bytearray(flatbuffer)
    hollow[20:24] = bytes(4)  # where the table of its parts begins
    made = changed(make(careful.folder, "crash"), model_tflite=pack(bytes(hollow), manifest))
    error = careful.refuses(archive(made), 6)
    assert "SIGSEGV" in error["message"]


def test_a_model_that_is_too_slow(careful: Careful) -> None:
    error = careful.refuses(archive(make(careful.folder, "slow")), 6, "--budget-ms", "0.001")
    assert "budget 0.001" in error["message"]


def test_a_model_that_answers_otherwise_than_on_the_host(careful: Careful) -> None:
    made = make(careful.folder, "other")
    canary = json.loads(made.contents["canary.json"])
    outputs = canary["outputs"]
    wrong = changed(made, canary_json=json.dumps({**canary, "outputs": outputs[::-1]}).encode())
    assert careful.refuses(archive(wrong), 6)["message"]


def test_settings_that_are_wrong(careful: Careful) -> None:
    made = changed(make(careful.folder, "wrong"), device_toml=b"colour = 3\n")
    error = careful.refuses(archive(made), 3)
    assert "colour" in error["message"]


def test_a_service_that_dies_after_three_seconds(careful: Careful) -> None:
    import cv2
    import numpy as np

    film = careful.folder / "film.avi"
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(film), codec, 10, (320, 240))
    for _ in range(30):
        writer.write(np.full((240, 320, 3), 255, np.uint8))
    writer.release()
    careful.board.write("/srv/film.avi", film.read_bytes())
    settings = SETTINGS.replace('"synthetic"', '"/srv/film.avi"')
    made, release = make(careful.folder, "dies", config=settings), state(careful.board).current
    error = careful.refuses(archive(made), 5, "--window", "6", restarted=True)
    assert "ended" in error["message"]
    assert release in error["message"]
    assert error["data"]["journal"]


def test_a_key_that_is_trusted_keeps_all_else_out(careful: Careful) -> None:
    mine, other = (signing.create(careful.folder / name) for name in ("mine", "other"))
    made = make(careful.folder, "second")
    careful.board.write("/etc/edge-hdr/trusted-keys", mine.public + "\n")
    try:
        assert "sign" in careful.refuses(archive(made), 3)["message"]
        error = careful.refuses(archive(changed(made, key=other)), 3)
        assert "trust" in error["message"]
        forged = changed(made, key=mine)
        forged = Payload(made.index, made.index_bytes + b" ", made.contents, forged.signature)
        careful.refuses(archive(forged), 3)
    finally:
        careful.board.sh("rm /etc/edge-hdr/trusted-keys")


@pytest.mark.parametrize("left_bytes", [0, 16 << 10, 256 << 10, 1 << 20])
def test_a_full_disk(careful: Careful, left_bytes: int) -> None:
    made = with_runtime(make(careful.folder, "full"), "0.9.9")
    careful.board.fill("/opt", leave_bytes=left_bytes)
    try:
        error = careful.refuses(archive(made), 3)
        assert error["code"] == "storage"
        assert "begin switch" not in error["events"]
    finally:
        careful.board.empty("/opt")


def test_no_room_for_the_settings(careful: Careful) -> None:
    long = SETTINGS + "# a long comment\n" * 1000
    careful.board.fill("/etc/edge-hdr", leave_bytes=4096)
    try:
        content = archive(make(careful.folder, "long", config=long))
        error = careful.refuses(content, 5, restarted=True)
        assert "No space left" in error["message"]
    finally:
        careful.board.empty("/etc/edge-hdr")


def test_no_room_for_what_is_sent(careful: Careful) -> None:
    before, listing = state(careful.board), files(careful.board)
    careful.board.sh("mount -t tmpfs -o size=8k,mode=1777 tmpfs /var/tmp")
    try:
        path = model(careful.folder, "large")
        answer = careful.installer.access.command("deploy", "pi@board", "--model", path)
        assert "No space left" in answer.error["message"], answer.stderr
        assert "edge" not in careful.board.sh(
            "ls -A /var/tmp | grep -v ^systemd-private", check=False
        )
    finally:
        careful.board.sh("umount /var/tmp")
    assert (state(careful.board), files(careful.board)) == (before, listing)
