"""Why a board of a fleet does not answer: the ssh client's own words, and what to do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_hdr.fleet.outcome import BoardError

if TYPE_CHECKING:
    from edge_hdr.target import Target

_LOST = "the connection was lost while the board installed"


def explained(error: BoardError, target: Target) -> BoardError:
    """Put what Ansible says of a board that does not answer as a deployment to it alone would.

    Args:
        error: with Ansible's words.
        target: the board, as ssh connects to it.
    """
    from edge_hdr.ssh_errors import AFTER_LOSS, translate

    message = error.message.removeprefix("Task failed: ")
    if message.startswith(_LOST):
        return replace(error, message=message, hint=AFTER_LOSS, code="unreachable")
    said = re.sub(r"^.*?Failed to connect to the host via \S+: ", "", message, flags=re.DOTALL)
    told = translate(said, target)
    return replace(error, message=told.message, hint=told.hint, code="unreachable")
