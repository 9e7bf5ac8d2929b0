"""What is said of samples: kept through kills, full disks, hand edits and second windows."""

from __future__ import annotations

import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_hdr.data.folder_index import index
from edge_hdr.errors import DataError, StorageError
from edge_hdr.labelling.journal import FILE, Journal
from edge_hdr.labelling.ledger import Ledger
from edge_hdr.labelling.tables import NON_DIGIT, OPEN, SKIPPED, non_digits, pictures

CLASSES = tuple("0123456789")
LIMIT_S = 20.0


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    ledger = Ledger(folder, pictures(folder)[0], CLASSES)
    try:
        yield ledger
    finally:
        ledger.close()


def kill(ledger: Ledger) -> None:
    """Leave a ledger as a killed program does: no last word to the tables or the journal."""
    ledger._over.set()
    ledger._stale.set()
    ledger._writer.join()
    ledger._journal.close()


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 8), 200, np.uint8))
    return folder


def rows(folder: Path) -> dict[str, str]:
    """Read labels.csv as training does."""
    return {file.path.relative_to(folder).as_posix(): file.label for file in index(folder)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, *(f"{name}.png" for name in "abcdef"))


def test_what_is_said_is_what_training_reads(folder: Path) -> None:
    with opened(folder) as ledger:
        for file, word in (("a", "3"), ("b", NON_DIGIT), ("c", SKIPPED), ("d", "7"), ("a", "5")):
            was = ledger.said.get(f"{file}.png", OPEN)
            assert ledger.say(f"{file}.png", word, was) == word
    assert rows(folder) == {"a.png": "5", "d.png": "7"}
    assert non_digits(folder) == [folder / "b.png"]


def test_what_is_taken_back_is_open_again(folder: Path) -> None:
    with opened(folder) as ledger:
        ledger.say("a.png", "3", OPEN)
        ledger.say("b.png", NON_DIGIT, OPEN)
        ledger.say("a.png", OPEN, "3")
        ledger.say("b.png", OPEN, NON_DIGIT)
        ledger.say("c.png", "1", OPEN)
    assert rows(folder) == {"c.png": "1"}
    assert non_digits(folder) == []
    with opened(folder) as again:
        assert again.count(["a.png", "b.png", "c.png"]) == {OPEN: 2, "1": 1}


def test_a_folder_that_nothing_was_said_of_stays_as_it_is(folder: Path) -> None:
    before = sorted(folder.iterdir())
    with opened(folder):
        pass
    assert sorted(folder.iterdir()) == before


def test_to_look_again_changes_nothing(folder: Path) -> None:
    with opened(folder) as ledger:
        ledger.say("a.png", "3", OPEN)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with opened(folder) as again:
        assert again.said == {"a.png": "3"}
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_tables_follow_while_the_page_is_open(folder: Path) -> None:
    with opened(folder) as ledger:
        ledger.say("a.png", "3", OPEN)
        end_s = time.monotonic() + LIMIT_S
        while not (folder / "labels.csv").is_file():
            assert time.monotonic() < end_s
            time.sleep(0.01)
        assert rows(folder) == {"a.png": "3"}


def test_a_kill_at_any_byte_loses_no_confirmed_key(folder: Path) -> None:
    ledger = Ledger(folder, ["a.png", "b.png"], CLASSES)
    ledger.say("a.png", "3", OPEN)
    ledger.say("b.png", SKIPPED, OPEN)
    kill(ledger)
    (folder / "labels.csv").unlink(missing_ok=True)
    journal = folder / FILE
    lines = [line for line in journal.read_bytes().splitlines() if b"said" in line]
    whole = b"\n".join(lines) + b"\n"
    cut = json.dumps({"file": "c.png", "said": "9"}).encode()
    for length in (0, 1, len(cut) // 2, len(cut) - 1, len(cut)):
        journal.write_bytes(whole + cut[:length])
        with opened(folder) as again:
            assert again.said == {"a.png": "3", "b.png": SKIPPED}
            again.say("d.png", "1", OPEN)
        with opened(folder) as after:
            assert after.said == {"a.png": "3", "b.png": SKIPPED, "d.png": "1"}
        (folder / "labels.csv").unlink()


def test_tables_that_a_kill_left_behind_are_brought_up_to_date(folder: Path) -> None:
    with opened(folder) as ledger:
        ledger.say("a.png", "3", OPEN)
    with (folder / FILE).open("a") as journal:  # as a key leaves it, before the tables are written
        journal.write(json.dumps({"file": "a.png", "said": NON_DIGIT}) + "\n")
        journal.write(json.dumps({"file": "b.png", "said": "8"}) + "\n")
    with opened(folder):
        pass
    assert rows(folder) == {"b.png": "8"}
    assert non_digits(folder) == [folder / "a.png"]


def test_a_table_that_a_person_edited_counts(folder: Path) -> None:
    with opened(folder) as ledger:
        for file, word in (("a", "3"), ("b", "4"), ("c", NON_DIGIT), ("d", NON_DIGIT)):
            ledger.say(f"{file}.png", word, OPEN)
        ledger.say("e.png", SKIPPED, OPEN)
    (folder / "labels.csv").write_text("file,label\na.png,5\nc.png,6\n")
    with opened(folder) as again:
        assert again.said == {"a.png": "5", "c.png": "6", "d.png": NON_DIGIT, "e.png": SKIPPED}


def test_an_earlier_table_is_kept_and_added_to(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,label\n./a.png,3\nb.png,A\n")
    with opened(folder) as ledger:
        assert ledger.said == {"a.png": "3", "b.png": "A"}
        ledger.say("c.png", "4", OPEN)
    assert rows(folder) == {"a.png": "3", "b.png": "A", "c.png": "4"}


def test_sub_folders_of_classes_say_what_their_pictures_are(tmp_path: Path) -> None:
    folder = write(tmp_path, "3/x.png", "7/y.png", "none/z.png", "loose.png")
    with opened(folder) as ledger:
        assert ledger.said == {"3/x.png": "3", "7/y.png": "7", "none/z.png": NON_DIGIT}
        ledger.say("3/x.png", "8", "3")
    assert rows(folder) == {"3/x.png": "8", "7/y.png": "7"}, "one table now says all of it"
    assert non_digits(folder) == [folder / "none/z.png"]
    with opened(folder) as again:
        assert again.said["3/x.png"] == "8"


@pytest.mark.parametrize("below", ["", "unsure"])
def test_what_a_board_guessed_is_open_until_a_person_moves_it(tmp_path: Path, below: str) -> None:
    write(tmp_path, "unsure/3/x.png", "unsure/7/y.png", "frames/f.png", "unsure/8/moved.png")
    write(tmp_path, "unsure/7/unknown.png")
    guessed = ("unsure/3/x.png", "unsure/7/y.png", "frames/f.png", "unsure/3/moved.png")
    lines = [json.dumps({"file": file}) for file in guessed]
    (tmp_path / "index.jsonl").write_text("\n".join([*lines, '{"fi']))
    moved = "unsure/8/moved.png".removeprefix(f"{below}/" if below else "")
    with opened(tmp_path / below) as ledger:
        assert ledger.said == {moved: "8"}
    files, _ = pictures(tmp_path / below)
    names = {Path(file).name for file in files}
    assert names == {"x.png", "y.png", "moved.png", "unknown.png"}, "whole frames are no samples"


def test_a_second_window_takes_nothing_away(folder: Path) -> None:
    with opened(folder) as ledger:
        assert ledger.say("a.png", "3", OPEN) == "3"
        assert ledger.say("a.png", "5", OPEN) == "3", "it had not seen the other's answer"
        assert ledger.say("a.png", "3", OPEN) == "3"
        assert ledger.say("a.png", "5", "3") == "5"
        assert ledger.changes == ["a.png", "a.png"]


def test_many_windows_at_once_lose_nothing(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(40)]
    folder = write(tmp_path, *names)
    with opened(folder) as ledger:

        def press(first: int) -> None:
            for name in names[first::4]:
                ledger.say(name, "1", OPEN)

        windows = [threading.Thread(target=press, args=[first]) for first in range(4)]
        for window in windows:
            window.start()
        for window in windows:
            window.join()
    assert rows(folder) == dict.fromkeys(names, "1")


def test_a_second_program_is_turned_away(folder: Path) -> None:
    with opened(folder):
        with pytest.raises(StorageError, match=r"another .* has .* open") as caught:
            Ledger(folder, [], CLASSES)
        assert "end it first" in caught.value.hint
    with opened(folder):
        pass


@pytest.mark.parametrize("room_bytes", [0, 10])
def test_a_key_that_finds_the_disk_full_does_not_count(folder: Path, room_bytes: int) -> None:
    journal = Journal(folder)
    journal.append({"file": "a.png", "said": "3"})
    size = journal.path.stat().st_size
    with largest_file(size + room_bytes), pytest.raises(StorageError, match=r"labels\.jsonl"):
        journal.append({"file": "b.png", "said": "4"})
    assert journal.path.stat().st_size == size, "nothing half written stays"
    journal.append({"file": "c.png", "said": "5"})
    journal.close()
    assert [entry["said"] for entry in Journal(folder).entries] == ["3", "5"]


def test_tables_that_find_the_disk_full_are_told_and_written_later(folder: Path) -> None:
    ledger = Ledger(folder, [], CLASSES)
    ledger.say("a.png", "3", OPEN)
    kill(ledger)
    (folder / "labels.csv").unlink(missing_ok=True)
    with largest_file(4):
        ledger = Ledger(folder, [], CLASSES)
        with pytest.raises(StorageError, match=r"labels\.csv") as caught:
            ledger.close()
    assert "every key is kept" in caught.value.hint
    with opened(folder):
        pass
    assert rows(folder) == {"a.png": "3"}


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_journal_that_another_program_harmed_is_noticed(
    folder: Path, harm: Callable[[Path], object]
) -> None:
    ledger = Ledger(folder, [], CLASSES)
    ledger.say("a.png", "3", OPEN)
    harm(folder / FILE)
    with pytest.raises(StorageError, match="removed or shortened"):
        ledger.say("b.png", "4", OPEN)
    assert "b.png" not in ledger.said
    kill(ledger)


def test_damaged_lines_are_counted_and_passed_over(folder: Path) -> None:
    (folder / FILE).write_bytes(
        b'{"file":"a.png","said":"3"}\n\xff\x00{{\n[]\n{"file":"b.png","said":"4"}\n'
    )
    with opened(folder) as ledger:
        assert ledger.said == {"a.png": "3", "b.png": "4"}
        assert ledger.damaged == 2


def test_a_picture_that_went_stands_in_no_table(folder: Path) -> None:
    with opened(folder) as ledger:
        ledger.say("a.png", "3", OPEN)
        ledger.say("b.png", "4", OPEN)
    (folder / "a.png").unlink()
    with opened(folder) as again:
        again.say("c.png", "5", OPEN)
    assert rows(folder) == {"b.png": "4", "c.png": "5"}


def test_only_pictures_that_a_table_can_name_are_listed(tmp_path: Path) -> None:
    folder = write(tmp_path, "a.png", 'b,"c.png', ".hidden/x.png", "__MACOSX/x.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / " space.png").write_bytes((folder / "a.png").read_bytes())
    found, unwritable = pictures(folder)
    assert found == ["a.png", 'b,"c.png']
    assert unwritable == [" space.png"]
    with opened(folder) as ledger:
        ledger.say('b,"c.png', "3", OPEN)
    assert rows(folder) == {'b,"c.png': "3"}


def test_folders_that_cannot_be_labelled_are_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "split", "train/3/a.png", "test/3/b.png")
    (tmp_path / "file").write_text("")
    for name, words in (
        ("empty", "has no pictures"),
        ("missing", "does not exist"),
        ("file", "is no folder"),
        ("split", "is split into train/ and test/"),
    ):
        with pytest.raises(DataError, match=words) as caught:
            pictures(tmp_path / name)
        assert caught.value.hint


def test_a_table_of_something_else_is_not_written_over(folder: Path) -> None:
    (folder / "labels.csv").write_text("name;class\na.png;3\n")
    with pytest.raises(DataError, match="column"):
        Ledger(folder, ["a.png"], CLASSES)
    Journal(folder).close()  # and the folder is free again


def test_an_end_that_comes_as_tables_begin_to_be_written_is_heard(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, ["a.png"], CLASSES)
    stale = ledger._stale

    def clear() -> None:
        """Forget the wish just after the end came with it, as a slow machine may."""
        ledger._over.set()
        stale.set()
        threading.Event.clear(stale)

    stale.clear = clear  # type: ignore[method-assign]
    ledger.say("a.png", "3", OPEN)
    ledger._writer.join(LIMIT_S / 4)
    ended = not ledger._writer.is_alive()
    kill(ledger)
    assert ended
