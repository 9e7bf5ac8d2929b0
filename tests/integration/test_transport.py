"""Commands on a board: by the real client to a real sshd, and on this machine alike."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mosquitto import wait_for
from sshd import Sshd, free_port

from edge_hdr.errors import ConfigError, DependencyError, DeviceStepError, UnreachableError
from edge_hdr.target import Target
from edge_hdr.transport import CONFIG_VARIABLE, Connection, SshConnection, command_line, connect

SHOW = (sys.executable, "-c", "import json,sys; print(json.dumps(sys.argv[1:]))")
NASTY = [
    "plain",
    "",
    "two words",
    " ",
    "it's",
    '"double"',
    "$HOME",
    "`id`",
    "$(id)",
    "semi;colon",
    "a && b || c | d > e < f &",
    "line\nbreak",
    "\n",
    "tab\there",
    "back\\slash",
    "ends with \\",
    "\\'",
    "\\n%s%%\\0",
    "bang!",
    "glob*?[a]{b,c}~",
    "#no comment",
    "-dash",
    "--",
    "-n",
    "münchen ½ 手書き 🙂",
    "=a^b",
]
# those that single quotes are enough for, in every shell
TAME = [word for word in NASTY if not set(word) & set("\\\n!")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_configuration(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(server.config))
    for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE"):
        monkeypatch.delenv(name, raising=False)


def to(server: Sshd, **options: object) -> SshConnection:
    made = connect(server.target, interactive=False, **options)  # type: ignore[arg-type]
    assert isinstance(made, SshConnection)
    return made


@pytest.fixture
def board(server: Sshd) -> Iterator[SshConnection]:
    with to(server) as connection:
        yield connection


@pytest.fixture(params=["sshd", "local"])
def either(server: Sshd, request: pytest.FixtureRequest) -> Iterator[Connection]:
    made = to(server) if request.param == "sshd" else connect(Target())
    with made as connection:
        yield connection


@pytest.fixture(scope="module", params=["dash", "bash", "fish", "zsh", "tcsh"])
def other_shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sshd]:
    """Give a server where each command goes through a shell as it would through a login shell."""
    shell = shutil.which(request.param)
    if shell is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    through = f'ForceCommand exec {shell} -c "$SSH_ORIGINAL_COMMAND"'
    with Sshd(folder, through) as running:
        yield running


def test_words_arrive_as_they_were(either: Connection) -> None:
    done = either.run([*SHOW, *NASTY])
    assert json.loads(done.stdout) == NASTY


def test_words_arrive_through_any_login_shell(
    other_shell: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(other_shell.config))
    with to(other_shell) as board:
        for words in (NASTY, TAME):
            assert json.loads(board.run([*SHOW, *words]).stdout) == words


def test_a_command_that_any_shell_reads_alike_is_left_readable() -> None:
    assert command_line(["tar", "-C", "/a b", "-cf", "-"]) == "tar -C '/a b' -cf -"


def test_making_a_connection_connects_to_nothing() -> None:
    with connect(Target("pi", "nothing.invalid", 1)):
        pass


def test_all_three_streams_and_the_code(either: Connection) -> None:
    done = either.run(["sh", "-c", "cat; echo bad >&2; exit 7"], send=b"\0\xffin", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"\0\xffin", "bad\n")
    assert either.sent_bytes == 4


def test_a_failed_command_is_named_with_its_last_words(either: Connection) -> None:
    with pytest.raises(DeviceStepError) as caught:
        either.run(["sh", "-c", "echo one >&2; echo two >&2; exit 3"])
    assert "failed with code 3: one; two" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_program_that_is_not_there(either: Connection) -> None:
    done = either.run(["no-such-program"], check=False)
    assert done.returncode == 127
    assert "no-such-program" in done.stderr


def test_255_of_a_command_is_not_the_clients_own(board: SshConnection) -> None:
    done = board.run(["sh", "-c", "echo mine >&2; exit 255"], check=False)
    assert (done.returncode, done.stderr) == (255, "mine\n")


def test_a_command_that_a_signal_ends_is_no_lost_connection(board: SshConnection) -> None:
    with pytest.raises(DeviceStepError, match="255 or a signal"):
        board.run(["sh", "-c", "kill -9 $$"])
    assert board.run(["echo", "on"]).stdout == b"on\n"


def test_all_commands_share_one_connection(server: Sshd) -> None:
    with to(server) as board:
        ports = {board.run(["sh", "-c", "echo $SSH_CONNECTION"]).stdout for _ in range(3)}
        assert board.is_shared
        folder = board._folder._folder  # type: ignore[union-attr]
        assert folder.stat().st_mode & 0o777 == 0o700
    assert len(ports) == 1
    assert not folder.exists()
    wait_for(lambda: not server.sessions(), "the connection's end")


def test_a_shared_connection_that_has_gone_is_made_again(
    board: SshConnection, server: Sshd
) -> None:
    board.run(["true"])
    server.signal_sessions(signal.SIGKILL)
    wait_for(lambda: not board._folder.has_master, "the master's end")  # type: ignore[union-attr]
    assert board.run(["echo", "again"]).stdout == b"again\n"


def test_single_connections_where_sharing_does_not_work(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder whose name no socket can have stands for all the reasons."""
    odd = tmp_path / "a folder"
    odd.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(odd))
    real = tempfile.mkdtemp

    def here_only(**options: str) -> str:
        if "dir" in options:
            raise PermissionError(options["dir"])
        return real(**options)

    monkeypatch.setattr("tempfile.mkdtemp", here_only)
    with to(server) as board:
        ports = {board.run(["sh", "-c", "echo $SSH_CONNECTION"]).stdout for _ in range(2)}
        assert not board.is_shared
        assert len(ports) == 2
        assert board.run(["sh", "-c", "exit 255"], check=False).returncode == 255
    assert list(odd.iterdir()) == []


def test_much_goes_up_while_lines_come_down(either: Connection) -> None:
    """More than every buffer on the way holds, in both directions at once."""
    piece, pieces = os.urandom(1 << 20), 50
    program = (
        "import hashlib,sys\nseen=hashlib.sha256(); size=0\n"
        "while size < int(sys.argv[1]):\n"
        " data=sys.stdin.buffer.read1(1<<16); seen.update(data); size+=len(data)\n"
        " print('x'*500, flush=True)\n"
        "print(seen.hexdigest())"
    )
    lines: list[str] = []
    sent: list[int] = []
    done = either.stream(
        [sys.executable, "-c", program, str(pieces << 20)],
        send=(piece for _ in range(pieces)),
        on_line=lines.append,
        on_sent=sent.append,
        timeout_s=60,
    )
    assert done.returncode == 0
    assert lines[-1] == hashlib.sha256(piece * pieces).hexdigest()
    assert sum(line == "x" * 500 for line in lines) > 400
    assert sent == sorted(sent)
    assert sent[-1] == pieces << 20 == either.sent_bytes


def test_stdin_stays_open_until_the_command_ends(either: Connection) -> None:
    lines: list[str] = []
    program = (
        "import os,select,sys\n"
        "sys.stdin.buffer.raw.read(3); print('got', flush=True)\n"
        "print('open' if not select.select([0],[],[],0.4)[0] else 'eof', flush=True)"
    )
    either.stream([sys.executable, "-c", program], send=[b"hi\n"], on_line=lines.append)
    assert lines == ["got", "open"]
    either.stream(
        [sys.executable, "-c", program], send=[b"hi\n"], on_line=lines.append, keep_open=False
    )
    assert lines[2:] == ["got", "eof"]


def watcher(tmp_path: Path) -> tuple[list[str], Path]:
    """Give a command that says "on", waits for the end of its stdin and then writes a file."""
    note = tmp_path / "saw-eof"
    program = (
        "import sys\nprint('on', flush=True)\nsys.stdin.read()\nopen(sys.argv[1],'w').write('eof')"
    )
    return [sys.executable, "-c", program, str(note)], note


def test_leaving_by_an_exception_ends_the_commands_stdin(
    either: Connection, tmp_path: Path
) -> None:
    command, note = watcher(tmp_path)

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        either.stream(command, on_line=stop)
    wait_for(note.exists, "the end of stdin")
    assert either.run(["echo", "usable"]).stdout == b"usable\n"


@pytest.mark.parametrize("where", ["shared", "single", "local"])
def test_a_program_that_is_killed_ends_its_commands_stdin(
    where: str, server: Sshd, tmp_path: Path
) -> None:
    """SIGKILL: nothing of ours runs after it, and still the board sees that we are gone."""
    program = (
        "import os, sys\nfrom edge_hdr import ssh_folder\nfrom edge_hdr.target import Target\n"
        "from edge_hdr.transport import connect\n"
        "ssh_folder.SOCKET_LETTERS *= sys.argv[2] != 'single'\n"
        "with connect(Target.parse(sys.argv[1]), interactive=False) as board:\n"
        "  board.run(['true'])\n"
        "  folder = getattr(board, '_folder', None)\n"
        "  print(folder.socket.parent if folder else '', flush=True)\n"
        "  board.stream(sys.argv[3:], on_line=lambda line: os.kill(os.getpid(), 9))"
    )
    command, note = watcher(tmp_path)
    target = "local:" if where == "local" else str(server.target)
    words = [sys.executable, "-c", program, target, where, *command]
    done = subprocess.run(words, timeout=30, check=False, stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    wait_for(note.exists, "the end of stdin")
    server.signal_sessions(signal.SIGKILL)
    if done.stdout.strip():
        shutil.rmtree(done.stdout.strip())


def test_what_is_sent_may_fail(either: Connection, tmp_path: Path) -> None:
    command, note = watcher(tmp_path)

    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise OSError("the file has gone")

    with pytest.raises(OSError, match="has gone"):
        either.stream(command, send=pieces(), on_line=str)
    wait_for(note.exists, "the end of stdin")


def test_silence_has_a_limit(either: Connection) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"said nothing for 0\.5 s") as caught:
        either.stream(
            ["sh", "-c", "echo a; exec cat"], on_line=str, idle_s=0.5, send=[b"x" * 9], send_bytes=9
        )
    assert time.monotonic() - began < 5
    assert "9 of 9 bytes were sent" in caught.value.message


def test_a_command_has_a_limit(either: Connection) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="sleep 60 was not done for 1 s"):
        either.run(["sleep", "60"], timeout_s=1)
    assert time.monotonic() - began < 4


def test_copy_gives_bytes_as_they_are(either: Connection, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "data").write_bytes(data)
    out = io.BytesIO()
    assert either.copy(["cat", str(tmp_path / "data")], out) == len(data)
    assert out.getvalue() == data
    with pytest.raises(DeviceStepError):
        either.copy(["cat", str(tmp_path / "none")], io.BytesIO())


def test_follow_ends_with_ctrl_c_as_success(server: Sshd, tmp_path: Path) -> None:
    """A real Ctrl-C, to the whole group of processes as a terminal sends it."""
    program = (
        "import sys\nfrom edge_hdr.target import Target\nfrom edge_hdr.transport import connect\n"
        "with connect(Target.parse(sys.argv[1]), interactive=False) as board:\n"
        "  done = board.follow(['sh','-c','echo first; sleep 60'], "
        "lambda line: print(line, flush=True))\n"
        "print(done)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(server.target)],
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "first\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "0\n"
    assert process.returncode == 0


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_connection_that_is_cut(
    server: Sshd, number: int, is_shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_hdr.transport.ALIVE_COUNT", 1)
    if not is_shared:
        monkeypatch.setattr("edge_hdr.ssh_folder.SOCKET_LETTERS", 0)
    with to(server, timeout_s=1) as board:
        board.run(["true"])
        assert board.is_shared == is_shared
        seen = threading.Event()

        def cut() -> None:
            seen.wait(20)
            server.signal_sessions(number)

        thread = threading.Thread(target=cut)
        thread.start()
        began = time.monotonic()
        try:
            with pytest.raises(UnreachableError, match=r"the connection to .* was lost") as caught:
                board.stream(
                    ["sh", "-c", "echo on; exec cat >/dev/null"],
                    send=[b"x" * 1000],
                    send_bytes=1000,
                    on_line=lambda line: seen.set(),
                )
        finally:
            seen.set()
            thread.join()
            server.signal_sessions(signal.SIGKILL)
    assert time.monotonic() - began < 15
    assert "1,000 of 1,000 bytes were sent" in caught.value.message
    assert str(server.target) in caught.value.message


def test_a_host_key_that_is_not_known_stops(server: Sshd) -> None:
    server.known_hosts.write_text("")
    try:
        with to(server) as board, pytest.raises(UnreachableError, match="is not known") as caught:
            board.run(["true"])
        assert "--accept-new-host-key" in caught.value.hint
        assert server.known_hosts.read_text() == ""
        with to(server, accept_new_host_key=True) as board:
            board.run(["true"])
        assert f"[127.0.0.1]:{server.port} ssh-ed25519" in server.known_hosts.read_text()
    finally:
        server.know()


@pytest.mark.parametrize("accept", [False, True])
def test_a_host_key_that_changed_stops_whatever_is_accepted(server: Sshd, accept: bool) -> None:
    server.know(server.key)
    before = server.known_hosts.read_text()
    try:
        with (
            to(server, accept_new_host_key=accept) as board,
            pytest.raises(UnreachableError, match=r"HOST KEY OF .* HAS CHANGED") as caught,
        ):
            board.run(["true"])
        assert server.known_hosts.read_text() == before
        assert "SHA256:" in caught.value.hint
        remove = caught.value.hint.partition("remove the old key: ")[2]
        subprocess.run(remove, shell=True, check=True, capture_output=True)
        assert server.known_hosts.read_text() == ""
    finally:
        server.know()


def test_a_login_that_is_refused(server: Sshd) -> None:
    target = Target("nobody-here", "127.0.0.1", server.port)
    with (
        connect(target, interactive=False) as board,
        pytest.raises(UnreachableError, match=r"Permission denied \(publickey\)") as caught,
    ):
        board.run(["true"])
    assert f"ssh-copy-id -p {server.port} nobody-here@127.0.0.1" in caught.value.hint


def test_nobody_listens() -> None:
    target = Target("pi", "127.0.0.1", free_port())
    with (
        connect(target, interactive=False) as board,
        pytest.raises(UnreachableError, match=r"refuses the connection: .*refused") as caught,
    ):
        board.run(["true"])
    assert "is ssh on" in caught.value.hint


def test_a_name_that_nobody_has() -> None:
    with (
        connect(Target("pi", "no-such.invalid"), interactive=False) as board,
        pytest.raises(UnreachableError, match="Could not resolve hostname"),
    ):
        board.run(["true"])


def test_a_server_that_says_nothing() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target("pi", "127.0.0.1", silent.getsockname()[1])
        with (
            connect(target, interactive=False, timeout_s=1) as board,
            pytest.raises(UnreachableError, match=r"does not answer: .*timed out"),
        ):
            board.run(["true"])


def test_a_configuration_that_is_wrong(
    tmp_path: Path, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("Hosst pi\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(wrong))
    with to(server) as board, pytest.raises(ConfigError, match="wrong"):
        board.run(["true"])


def test_a_name_from_the_configuration_and_its_jump_host(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = [f"  HostName 127.0.0.1\n  Port {server.port}\n  User {server.user}"]
    lines = ["Host door", *place, "Host classroom-3", *place, "  ProxyJump door"]
    config = tmp_path / "config"
    config.write_text("\n".join([*lines, *server.client_lines()]) + "\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(config))
    with connect(Target.parse("classroom-3"), interactive=False) as board:
        assert board.run(["echo", "there"]).stdout == b"there\n"


def test_without_a_client(server: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with to(server) as board, pytest.raises(DependencyError, match="OpenSSH client"):
        board.run(["true"])


def test_what_a_login_shell_prints_is_not_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start file that greets; it takes other words each time, and ends in the midst of a line."""
    greets = 'echo Welcome; date +%N; printf "> "; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    with Sshd(tmp_path, f"ForceCommand {greets}") as server:
        monkeypatch.setenv(CONFIG_VARIABLE, str(server.config))
        with to(server) as board:
            assert json.loads(board.run([*SHOW, *NASTY]).stdout) == NASTY
            assert board.run(["cat"], send=b"in").stdout == b"in"
            assert board.run(["true"]).stdout == b""
            assert board.run(["sh", "-c", "exit 9"], check=False).returncode == 9
            with pytest.raises(UnreachableError, match=r"[0-9]: sleep 9 was not done"):
                board.run(["sleep", "9"], timeout_s=0.5)


def test_an_account_without_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sshd(tmp_path, "ForceCommand echo This account is not available; exit 1") as server:
        monkeypatch.setenv(CONFIG_VARIABLE, str(server.config))
        with (
            to(server) as board,
            pytest.raises(DeviceStepError, match="is not available") as caught,
        ):
            board.run(["echo", "a"])
    assert "runs no commands for this user" in caught.value.message


def test_the_client_asks_nothing_where_there_is_no_terminal(server: Sshd) -> None:
    program = (
        "import sys\nfrom edge_hdr.target import Target\nfrom edge_hdr.transport import connect\n"
        "print('BatchMode=yes' in connect(Target.parse(sys.argv[1])).transport_options())"
    )
    words = [sys.executable, "-c", program, str(server.target)]
    done = subprocess.run(
        words, capture_output=True, text=True, start_new_session=True, timeout=30, check=True
    )
    assert done.stdout == "True\n"


ON_A_TERMINAL = """
import fcntl, sys, termios
from edge_hdr.errors import EdgeHdrError
from edge_hdr.target import Target
from edge_hdr.transport import connect
fcntl.ioctl(int(sys.argv[2]), termios.TIOCSCTTY, 0)
try:
    with connect(Target.parse(sys.argv[1])) as board:
        print(board.run(["cat"], send=b"from our stdin").stdout.decode())
except EdgeHdrError as error:
    print(error.message)
"""


def on_a_terminal(server: Sshd, asks: str, answer: str) -> str:
    """Run a command where there is a terminal, answer the client's question there."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, str(server.target), str(theirs)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=[theirs],
        text=True,
    )
    os.close(theirs)
    try:
        shown = ""
        while asks not in shown:
            shown += os.read(ours, 1000).decode()
        os.write(ours, answer.encode() + b"\n")
        return process.communicate(timeout=30)[0]
    finally:
        process.kill()
        os.close(ours)


def test_a_person_answers_the_clients_question_about_a_host_key(server: Sshd) -> None:
    try:
        server.known_hosts.write_text("")
        said = on_a_terminal(server, "continue connecting", "no")
        assert "host key" in said and "not known" in said
        assert server.known_hosts.read_text() == ""
        assert on_a_terminal(server, "continue connecting", "yes") == "from our stdin\n"
        assert "ssh-ed25519" in server.known_hosts.read_text()
    finally:
        server.know()


def test_a_person_types_a_secret_to_the_client_itself(server: Sshd) -> None:
    change = ["ssh-keygen", "-q", "-p", "-f", str(server.key)]
    subprocess.run([*change, "-P", "", "-N", "tulip7"], check=True, capture_output=True)
    try:
        assert on_a_terminal(server, "Enter passphrase", "tulip7") == "from our stdin\n"
        with to(server) as board, pytest.raises(UnreachableError, match="Permission denied"):
            board.run(["true"])  # without a terminal nothing is asked, and nothing hangs
    finally:
        subprocess.run([*change, "-P", "tulip7", "-N", ""], check=True, capture_output=True)


def test_the_shared_connections_process_may_be_killed(server: Sshd, board: SshConnection) -> None:
    """Its socket stays, but nobody listens there."""
    board.run(["true"])
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    (master,) = [
        int(line.split()[0])
        for line in listed.stdout.splitlines()
        if f"{board._folder.socket} [mux]" in line  # type: ignore[union-attr]
    ]

    def kill(line: str) -> None:
        os.kill(master, signal.SIGKILL)

    with pytest.raises(UnreachableError, match="was lost"):
        board.stream(["sh", "-c", "echo on; exec cat"], on_line=kill)
    assert board.run(["echo", "again"]).stdout == b"again\n"


def test_more_sessions_than_the_server_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sshd(tmp_path, "MaxSessions 1") as server:
        monkeypatch.setenv(CONFIG_VARIABLE, str(server.config))
        with to(server) as board:
            assert [board.run(["echo", "a"]).stdout for _ in range(5)] == [b"a\n"] * 5
