"""Lines of the log, written by a process of its own to a real descriptor."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_hdr_device.system import journal
from edge_hdr_device.system.journal import LineHandler, Repeats, is_journal, one_line

START = (
    "import logging; from edge_hdr_device.system.journal import start_logging; start_logging(); "
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Send the log of this test to a file."""
    file = tmp_path / "log"
    with file.open("wb") as target:
        handler = LineHandler(target.fileno(), journal=False)
    logger = logging.getLogger("edge_hdr")
    logger.addHandler(handler)
    before, logger.level = logger.level, logging.DEBUG
    logging.getLogger("other").addHandler(handler)
    yield file
    logger.removeHandler(handler)
    logging.getLogger("other").removeHandler(handler)
    logger.level = before
    handler.close()


def run(script: str, *, journal: bool, tmp_path: Path) -> list[str]:
    """Run a script whose stderr is a file, which the environment may call the journal's."""
    file = tmp_path / "stderr"
    with file.open("wb") as target:
        status = os.fstat(target.fileno())
        stream = f"{status.st_dev}:{status.st_ino}" if journal else "1:2"
        subprocess.run(
            [sys.executable, "-c", START + script],
            stderr=target,
            env={**os.environ, "JOURNAL_STREAM": stream},
            check=False,
        )
    return file.read_text().splitlines()


EVERY_LEVEL = (
    "a = logging.getLogger('edge_hdr.x'); a.debug('d'); a.info('i'); a.warning('w'); "
    "a.error('e'); a.critical('c'); logging.getLogger('paho').info('quiet'); "
    "logging.getLogger('paho').warning('broker')"
)


def test_the_journal_gets_priorities(tmp_path: Path) -> None:
    lines = run(EVERY_LEVEL, journal=True, tmp_path=tmp_path)
    assert lines == ["<6>i", "<4>w", "<3>e", "<2>c", "<4>paho: broker"]


def test_a_terminal_gets_words(tmp_path: Path) -> None:
    lines = run(EVERY_LEVEL, journal=False, tmp_path=tmp_path)
    assert lines == [
        "info: i",
        "warning: w",
        "error: e",
        "critical: c",
        "warning: paho: broker",
    ]


def test_verbose_says_more(tmp_path: Path) -> None:
    script = "start_logging(verbose=True); logging.getLogger('edge_hdr.x').debug('d')"
    assert run(script, journal=True, tmp_path=tmp_path) == ["<7>d"]


def test_the_death_of_a_thread_and_of_the_program_are_a_line_each(tmp_path: Path) -> None:
    script = (
        "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='samples')\n"
        "t.start()\nt.join()\nimport warnings\nwarnings.warn('old')\n{}['x']"
    )
    thread, warning, program = run(script, journal=True, tmp_path=tmp_path)
    assert thread.startswith("<2>samples died\\nTraceback")
    assert thread.endswith("ZeroDivisionError: division by zero")
    assert warning.startswith("<4>py.warnings: ")
    assert program.startswith("<2>the program died\\nTraceback")


def test_a_person_gets_the_traceback_as_it_is(tmp_path: Path) -> None:
    assert run("{}['x']", journal=False, tmp_path=tmp_path)[-1] == "KeyError: 'x'"


def test_a_line_is_not_lost_while_native_output_is_hidden(tmp_path: Path) -> None:
    script = (
        "from edge_hdr_device.quiet import native_output_hidden\n"
        "with native_output_hidden(): logging.getLogger('edge_hdr.x').info('heard')"
    )
    assert run(script, journal=True, tmp_path=tmp_path) == ["<6>heard"]


def test_a_descriptor_is_the_journal_only_when_it_is_that_stream() -> None:
    read, write = os.pipe()
    status = os.fstat(write)
    assert is_journal(write, f"{status.st_dev}:{status.st_ino}")
    assert not is_journal(write, f"{status.st_dev}:{status.st_ino + 1}")
    assert not is_journal(write, "")
    os.close(read)
    os.close(write)
    assert not is_journal(write, f"{status.st_dev}:{status.st_ino}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\x1b[31mred\x00", "\\x1b[31mred\\x00"),
        ("5 °C → 80 °C", "5 °C → 80 °C"),
        ("open rtsp://me:pa@ss@10.0.0.7/live", "open rtsp://***@10.0.0.7/live"),
        ("http://10.0.0.7/a@b", "http://10.0.0.7/a@b"),
        ("GET /stream?token=abc&fps=3", "GET /stream?token=***&fps=3"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("{'password': 'x'}", "{'password': ***"),
        ("a wrong token from 10.0.0.9", "a wrong token from 10.0.0.9"),
    ],
)
def test_a_line_has_no_line_end_and_no_secret(text: str, line: str) -> None:
    assert one_line(text) == line


def test_secrets_in_arguments_and_tracebacks_are_masked(log: Path) -> None:
    logger = logging.getLogger("edge_hdr.x")
    try:
        raise OSError("rtsp://u:hunter2@host is down")
    except OSError:
        logger.error("cannot open %s", "rtsp://u:hunter2@host", exc_info=True)
    text = log.read_text()
    assert "hunter2" not in text
    assert text.count("\n") == 1


def test_the_same_warning_is_written_once_a_minute_with_a_count(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(journal.time, "monotonic", lambda: now_s)
    logger = logging.getLogger("edge_hdr.x")
    for _ in range(50):
        logger.warning("mqtt is down")
    logger.warning("the card is full")
    now_s += 59
    logger.warning("mqtt is down")
    now_s += 1
    logger.warning("mqtt is down")
    now_s += 60
    logger.warning("mqtt is down")
    assert log.read_text().splitlines() == [
        "warning: mqtt is down",
        "warning: the card is full",
        "warning: mqtt is down (50 times more in the last minute)",
        "warning: mqtt is down",
    ]


def test_events_may_come_again_but_not_for_ever(log: Path) -> None:
    for _ in range(1000):
        logging.getLogger("edge_hdr.x").info("frame announced: 42")
    assert len(log.read_text().splitlines()) == journal.TIMES_EVENT


def test_lines_that_are_remembered_are_few() -> None:
    repeats = Repeats()
    for number in range(10_000):
        assert repeats.admit(f"line {number}", times=1, now_s=1.0) == 0
    assert len(repeats._lines) == journal.REMEMBERED


def test_lines_of_many_threads_stay_whole(log: Path) -> None:
    def speak(name: int) -> None:
        for number in range(50):
            logging.getLogger("edge_hdr.x").info("%s", f"{name}.{number} " + "x" * 5000)

    threads = [threading.Thread(target=speak, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = log.read_text().splitlines()
    assert len(lines) == 8 * 50
    assert all(line.startswith("info: ") and line.endswith("x" * 5000) for line in lines)


def test_a_closed_descriptor_harms_nobody() -> None:
    handler = LineHandler(2, journal=False)
    handler.close()
    handler.emit(logging.LogRecord("edge_hdr", logging.INFO, "", 1, "lost", None, None))


def test_starting_again_leaves_one_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before = (sys.excepthook, threading.excepthook, logging.getLogger("edge_hdr").level)
    try:
        journal.start_logging()
        journal.start_logging(verbose=True)
        assert sum(isinstance(handler, LineHandler) for handler in root.handlers) == 1
    finally:
        for handler in [one for one in root.handlers if isinstance(one, LineHandler)]:
            root.removeHandler(handler)
            handler.close()
        logging.captureWarnings(False)
        sys.excepthook, threading.excepthook = before[:2]
        logging.getLogger("edge_hdr").setLevel(before[2])
