"""The one place that knows the OpenSSH client: commands on a board, over one connection.

The user's own configuration, agents, jump hosts, hardware keys and known hosts all count. The
environment variable EDGE_HDR_SSH_CONFIG=FILE names another configuration, as the client's `-F`.

The client's questions, for a password or about an unknown host key, are left to it: it asks them on
the terminal. Where there is none it is told to ask nothing, so that nothing hangs.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edge_hdr.child import Ended, Exchange, Limits, TooLongError, talk
from edge_hdr.connection import Completed, Connection, LocalConnection, last_line, sent_text
from edge_hdr.errors import DependencyError, DeviceStepError, UnreachableError
from edge_hdr.login_noise import MARKED, AfterMark
from edge_hdr.ssh_errors import AFTER_LOSS, LOST, by_hand, last_words, translate
from edge_hdr.ssh_folder import SshFolder, read
from edge_hdr.target import Target

__all__ = ["Completed", "Connection", "LocalConnection", "SshConnection", "connect"]

CONFIG_VARIABLE = "EDGE_HDR_SSH_CONFIG"
CONNECT_S = 15.0
LOGIN_S = 150.0  # for a person to type a password or touch a key; a server waits 120 s
MASTER_ANSWERS_S = 5.0
ALIVE_COUNT = 4  # so many unanswered questions of CONNECT_S / 3 each are a lost connection
MASTER_S = 300  # the shared connection outlives a killed program by so much
FAILED = 255  # the client's own failure, but also a command's code, or its death by a signal
_CLOSED = re.compile(r"Connection to \S+ closed by remote host\.\s*$")


def connect(
    target: Target,
    *,
    accept_new_host_key: bool = False,
    timeout_s: float = CONNECT_S,
    interactive: bool | None = None,
) -> Connection:
    """Make a connection to a target; it connects with its first command.

    Args:
        target: a board, or this machine.
        accept_new_host_key: trust a host that is not known yet; a key that changed never is.
        timeout_s: within which a board must answer, at first and later.
        interactive: whether a person may be asked; None finds out.
    """
    if target.is_local:
        return LocalConnection(target)
    return SshConnection(
        target,
        accept_new_host_key=accept_new_host_key,
        timeout_s=timeout_s,
        interactive=can_ask(os.environ) if interactive is None else interactive,
    )


def can_ask(environment: Mapping[str, str]) -> bool:
    """Tell whether the client could ask a person: on a terminal, or in a window."""
    if environment.get("SSH_ASKPASS_REQUIRE") in {"force", "prefer"}:
        return True
    if environment.get("SSH_ASKPASS") and environment.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}:
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def command_line(argv: Sequence[str]) -> str:
    """Write a command so that any login shell takes exactly these words.

    Single quotes are enough for sh, bash and zsh. In fish a backslash within them means something,
    in csh a line's end and "!", so with these the command goes through sh, in octal numbers.
    """
    line = shlex.join(argv)
    if not any(letter in line for letter in "\\\n\r!"):
        return line
    octal = "".join(f"\\{byte:03o}" for byte in os.fsencode(line))
    return f"""sh -c 'eval "$(printf "$0")"' '{octal}'"""


class SshConnection(Connection):
    """Runs commands on a board by the OpenSSH client, over one shared connection where it can.

    Args:
        target: the board.
        accept_new_host_key: see `connect`.
        timeout_s: see `connect`.
        interactive: the client may ask a person.
    """

    def __init__(
        self,
        target: Target,
        *,
        accept_new_host_key: bool,
        timeout_s: float,
        interactive: bool,
    ) -> None:
        super().__init__(target)
        self._accept_new, self._timeout_s = accept_new_host_key, timeout_s
        self._interactive = interactive
        self._folder: SshFolder | None = None
        self._is_shared = self._has_opened = self._is_noisy = False

    @property
    def is_shared(self) -> bool:
        """Tell whether commands share one connection; known after the first one."""
        return self._is_shared

    def transport_options(self) -> tuple[str, ...]:
        """Give the client's options that every command gets, for other programs that take them."""
        interval = max(1, round(self._timeout_s / 3))
        settings = {
            "ConnectTimeout": str(max(1, round(self._timeout_s))),
            "ServerAliveInterval": str(interval),
            "ServerAliveCountMax": str(ALIVE_COUNT),
            "LogLevel": "INFO",  # its words are what we tell by
            "ClearAllForwardings": "yes",  # the user's own connection may hold those ports
            "RemoteCommand": "none",
        }
        if not self._interactive:
            settings["BatchMode"] = "yes"
        if self._accept_new:
            settings["StrictHostKeyChecking"] = "accept-new"
        if self._socket is not None:
            settings |= {
                "ControlMaster": "auto",
                "ControlPath": str(self._socket),
                "ControlPersist": str(MASTER_S),
            }
        return tuple(word for pair in settings.items() for word in ("-o", "=".join(pair)))

    def close(self) -> None:
        """End the shared connection and remove its folder."""
        folder, self._folder = self._folder, None
        if folder is None:
            return
        self._tell_master(folder, "exit")
        folder.remove()
        self._is_shared = self._has_opened = False

    @property
    def _socket(self) -> Path | None:
        """Give the shared connection's socket; None where there can be none."""
        is_single = self._has_opened and not self._is_shared
        if self._folder is None or is_single or not self._folder.fits:
            return None
        return self._folder.socket

    def _talk(self, argv: Sequence[str], exchange: Exchange) -> Ended:
        folder = self._open()
        log = folder.new_log()
        words = argv
        if self._is_noisy:
            words = (*MARKED, *argv)
            exchange = replace(exchange, on_bytes=AfterMark(exchange.on_bytes).take)
        ended = self._hold(argv, self._words(words, log), exchange)
        if ended.returncode == FAILED:
            self._check_link(ended, read(log), exchange.send_bytes)
        log.unlink(missing_ok=True)
        return ended

    def _open(self) -> SshFolder:
        """Log in, where that is not done or the shared connection has gone."""
        folder = self._folder or SshFolder()
        self._folder = folder
        if self._has_opened and (not self._is_shared or folder.has_master):
            return folder
        self._has_opened = False
        folder.master_log.unlink(missing_ok=True)
        out = bytearray()
        limit_s = LOGIN_S if self._interactive else 4 * self._timeout_s
        try:
            ended = talk(
                self._words(["true"], folder.master_log),
                Exchange(out.extend, limits=Limits(limit_s)),
                own_stderr=not self._interactive,  # it asks for a touch of a key there
            )
        except TooLongError as error:
            raise UnreachableError(
                f"{self.target} did not finish the login within {limit_s:g} s"
                + last_line(read(folder.master_log) or error.stderr),
                hint=f"try it by hand: {by_hand(self.target)}",
            ) from error
        if ended.returncode == FAILED:
            raise translate(read(folder.master_log) or ended.stderr, self.target)
        if ended.returncode:
            raise DeviceStepError(
                f"{self.target} runs no commands for this user"
                + last_line(out.decode(errors="replace") or ended.stderr),
                hint="log in as a user with a shell, as sh or bash",
            )
        self._is_noisy = bool(out)
        self._has_opened, self._is_shared = True, folder.has_master
        return folder

    def _tell_master(self, folder: SshFolder, what: str) -> bool:
        """Tell the process that holds the shared connection something; True where it listens."""
        if not folder.has_master:
            return False
        words = ["-o", f"ControlPath={folder.socket}", "-O", what, self.target.host]
        try:
            done = subprocess.run(
                [*_client(), *words], capture_output=True, timeout=MASTER_ANSWERS_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired, DependencyError):
            return False
        return done.returncode == 0

    def _words(self, argv: Sequence[str], log: Path) -> list[str]:
        target = self.target
        user = ("-l", target.user) if target.user else ()
        port = ("-p", str(target.port)) if target.port is not None else ()
        options = [*self.transport_options(), "-T", "-x", "-E", str(log), *user, *port]
        return [*_client(), *options, target.host, "--", command_line(argv)]

    def _check_link(self, ended: Ended, said: str, send_bytes: int | None) -> None:
        """Raise where it was the connection that ended, and not the command."""
        folder, words = self._folder, last_words(said)
        lost = self._is_shared and folder is not None and not self._tell_master(folder, "check")
        lost = lost or _CLOSED.search(ended.stderr) is not None
        if not lost and not words:
            return  # the command itself ended so, or was killed there
        message = LOST.format(target=self.target)
        if not lost:
            error = translate(said, self.target)
            if not error.message.startswith(message):
                raise error
        elif folder is not None:
            words = words or last_words(read(folder.master_log))
        amount = sent_text(ended.sent_bytes, send_bytes)
        raise UnreachableError(
            f"{message} after {ended.took_s:.0f} s{amount}" + (f": {words}" if words else ""),
            hint=AFTER_LOSS,
        )


def _client() -> list[str]:
    program = shutil.which("ssh")
    if program is None:
        raise DependencyError(
            "the OpenSSH client is not installed", hint="apt install openssh-client"
        )
    config = os.environ.get(CONFIG_VARIABLE)
    return [program, *(("-F", config) if config else ())]
