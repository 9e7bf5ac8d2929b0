"""What is said of each sample: taken from any number of windows, on disk before it counts."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge_hdr.data.folder_index import LABELS_FILE
from edge_hdr.errors import StorageError
from edge_hdr.labelling.journal import Entry, Journal
from edge_hdr.labelling.tables import (
    NON_DIGIT,
    NON_DIGITS_FILE,
    OPEN,
    SKIPPED,
    Said,
    check_table,
    read_table,
    said_by,
    write_tables,
)
from edge_hdr_device.results import stamp

logger = logging.getLogger("edge_hdr.labelling")

PAUSE_S = 0.5  # between two writes of the tables
FILE, SAID, TABLES = "file", "said", "tables"  # keys of the journal's lines


class Ledger:
    """Keep what is said of samples, in the journal at once and in the tables soon after.

    Args:
        folder: of the samples.
        files: paths below it.
        classes: names that may be said, besides `NON_DIGIT`, `SKIPPED` and `OPEN`.

    Raises:
        DataError: a table of the folder cannot be read.
        StorageError: the folder cannot be written, or another program labels it.
    """

    def __init__(self, folder: Path, files: Iterable[str], classes: Sequence[str]) -> None:
        self.folder, self.classes = folder, tuple(classes)
        self._journal = Journal(folder)
        self.damaged = self._journal.damaged
        try:
            self.said = _restore(folder, files, classes, self._journal.entries)
        except BaseException:
            self._journal.close()
            raise
        self.changes: list[str] = []
        self.trouble = ""
        self._lock = threading.Lock()
        self._stale, self._over = threading.Event(), threading.Event()
        entries = self._journal.entries
        self._is_noted = not entries or TABLES in entries[-1]
        if entries:  # the tables may be older than the last key
            self._stale.set()
        self._writer = threading.Thread(target=self._write_on, name="tables", daemon=True)
        self._writer.start()

    def say(self, file: str, word: str, was: str) -> str:
        """Note what a file is; it is on disk when this comes back.

        Args:
            file: its path below the folder.
            word: a class, `NON_DIGIT`, `SKIPPED`, or `OPEN` to take back what was said.
            was: what the window that says so shows; where another window said something else
                meanwhile, that stays.

        Returns:
            What is said of the file now: `word`, or what the other window said.

        Raises:
            StorageError: it could not be written and does not count.
        """
        with self._lock:
            now = self.said.get(file, OPEN)
            if now != was or word == now:
                return now
            self._journal.append({FILE: file, SAID: word, "time": stamp(time.time())})
            self._is_noted = False
            self.said[file] = word
            self.changes.append(file)
        self._stale.set()
        return word

    def count(self, files: Iterable[str]) -> dict[str, int]:
        """Count files by what is said of them; what is open under `OPEN`."""
        with self._lock:
            return dict(Counter(self.said.get(file, OPEN) for file in files))

    def close(self) -> None:
        """Write the tables a last time and let the folder go.

        Raises:
            StorageError: they could not be written; the journal has everything.
        """
        self._over.set()
        self._stale.set()
        self._writer.join()
        try:
            if not self._is_noted:
                self._write()
        except StorageError as error:
            hint = f"{error.hint}; every key is kept: the same command then writes it"
            raise StorageError(error.message, hint=hint) from error
        finally:
            self._journal.close()

    def _write_on(self) -> None:
        """Write the tables whenever they are behind; a full disk is tried again."""
        while self._stale.wait():
            self._stale.clear()  # before the look at the end, which is set first
            if self._over.is_set():
                return
            try:
                self._write()
                self.trouble = ""
            except StorageError as error:
                self.trouble = f"{error.message}; your keys are kept in the journal"
                logger.warning(self.trouble)
                self._stale.set()
            self._over.wait(PAUSE_S)

    def _write(self) -> None:
        with self._lock:
            said, known = dict(self.said), len(self.changes)
        write_tables(self.folder, said)
        with self._lock:
            # a key that came meanwhile must be replayed, so it may not stand before the note
            if known == len(self.changes) and not self._is_noted:
                self._journal.append({TABLES: "written", "time": stamp(time.time())})
                self._is_noted = True


def _restore(
    folder: Path, files: Iterable[str], classes: Sequence[str], entries: Sequence[Entry]
) -> Said:
    """Put together what the tables and the journal say.

    Up to the journal's last note of them the tables count, which a person may have edited since;
    then the lines after it.
    """
    noted = [at + 1 for at, entry in enumerate(entries) if TABLES in entry]
    known = noted[-1] if noted else 0
    said = _replay(entries[:known])
    if not entries:
        check_table(folder)
    # sub-folders count until a table was written, which says the same and more
    if not known or (folder / LABELS_FILE).is_file():
        kept = {file: word for file, word in said.items() if word in {NON_DIGIT, SKIPPED}}
        said = kept | said_by(folder, files, classes)
    if (folder / NON_DIGITS_FILE).is_file():
        others = read_table(folder / NON_DIGITS_FILE)
        said = {file: word for file, word in said.items() if word != NON_DIGIT}
        said = dict.fromkeys(others, NON_DIGIT) | said
    return said | _replay(entries[known:])


def _replay(entries: Iterable[Entry]) -> Said:
    said = {}
    for entry in entries:
        file, word = entry.get(FILE), entry.get(SAID)
        if isinstance(file, str) and isinstance(word, str):
            said[file] = word
    return said
