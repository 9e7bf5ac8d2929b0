"""Why a board of a fleet does not answer: the ssh client's own words, and what to do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_hdr.fleet.outcome import BoardError

if TYPE_CHECKING:
    from edge_hdr.target import Target

_LOST = "the connection was lost while the board installed; it finishes by itself"
_ANSIBLE = re.compile(  # what comes before ssh's own words
    r"Task failed: ?|Failed to connect to the host via \S+:\s*"
    r"|Data could not be sent because of ControlPersist broken pipe:\s*"
    r"|Data could not be sent to remote host \S+ Make sure this host can be reached over "
    r"ssh[:.]\s*",
    re.IGNORECASE,
)


def explained(error: BoardError, target: Target) -> BoardError:
    """Put what Ansible says of a board that does not answer as a deployment to it alone would.

    Args:
        error: with Ansible's words, line by line as ssh wrote them.
        target: the board, as ssh connects to it.
    """
    from edge_hdr.ssh_errors import AFTER_LOSS, last_words, translate

    said = _ANSIBLE.split(error.message)[-1]
    if _LOST in error.message:
        last = last_words(said.rpartition(_LOST)[2].removeprefix(":"))
        message = f"{_LOST}: {last}" if last else _LOST
        return replace(error, message=message, hint=AFTER_LOSS, code="unreachable")
    told = translate(said, target)
    return replace(error, message=told.message, hint=told.hint, code="unreachable")
