"""Run the device's own `bench` on a board, with models and digits of this computer.

What is sent lies in a folder of its own in the board's /var/tmp, which the board itself removes:
when it is done, when it failed, and when the connection ends, whichever end that is. Only a board
that loses its power keeps it, until its next deployment or measurement.
"""

from __future__ import annotations

import base64
import io
import json
import shlex
import zipfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr import remote
from edge_hdr.bench.parcel import DIGITS, Parcel
from edge_hdr.errors import DeviceStepError, EdgeHdrError, UnreachableError, UsageError
from edge_hdr.private_folder import PRIVATE_FOLDER
from edge_hdr_device.system.systemd_unit import STATE

if TYPE_CHECKING:
    from edge_hdr.bench.request import Reporter
    from edge_hdr.bench.subjects import ModelFile
    from edge_hdr.transport import Connection
    from edge_hdr_device.bench.measure import Plan

SCHEMA = 2
ANSWERS = "answers.npz"
READY, MARK = "ready:", "answers:"
IDLE_S = 900.0  # without a word, beside the time that is asked for: models differ by 1000 times
PIECE_BYTES = 1 << 16
LEFT = "ends the measurement and removes what was sent"
# A shell that dies of a closed pipe would leave its folder behind.
RUN = """\
trap '' PIPE
cd "$folder"
head -c {size} | tar -xf -
echo {ready}
model={model}
if [ -n "$model" ] && [ -e "$OLDPWD/$model" ]; then model=$OLDPWD/$model; fi
code=0
{command} ${{model:+--model "$model"}} || code=$?
if [ -e {answers} ]; then
  echo {mark}
  base64 {answers}
fi
exit $code
"""

Logits = NDArray[np.float32]
Progress = Callable[[str, int, int | None], None]


class OldRuntimeError(DeviceStepError):
    """A board's edge-hdr does not know what is asked of it."""

    code = "old-runtime"


def measure_on(
    connection: Connection,
    installed: remote.Installed,
    models: Sequence[ModelFile],
    plan: Plan,
    images: NDArray[np.uint8] | None,
    reporter: Reporter,
    *,
    model: str | None = None,
    threads: int = 0,
    delegate: str = "auto",
    input_range: tuple[float, float] | None = None,
) -> tuple[dict[str, Any], dict[str, Logits]]:
    """Measure on a board, with the runtime that is installed there.

    Args:
        connection: to the board.
        installed: its edge-hdr.
        models: TFLite files of this computer; none measures one that is on the board.
        plan: what is measured, and for how long.
        images: uint8 (N, 28, 28), ink 255 on background 0, for the answers; None asks for none.
        reporter: hears how far it is.
        model: path or released name on the board where `models` is empty; None is the deployed
            one.
        threads: of the kernels; 0 leaves them to the board.
        delegate: auto, xnnpack, none or edgetpu.
        input_range: real values of background and ink, for models without a manifest.

    Returns:
        The measurement document and, by the models' names, the logits float32 (N, classes). The
        models have the names and paths of `models` and their order; those that the board cannot
        use are in the document's `failed` instead, each with `file`, `code`, `message`, `hint`.

    Raises:
        OldRuntimeError: the board's edge-hdr is too old.
        UnreachableError: the connection was lost, or the board said nothing for long.
        DeviceStepError: there is no room on the board, or its answers make no sense.
        EdgeHdrError: what the board's own command raised.
    """
    parcel = Parcel(models, images, with_twins=delegate in {"auto", "edgetpu"})
    words = _words(plan, threads, delegate, input_range)
    words += ["--images", DIGITS, "--answers", ANSWERS] if images is not None else []
    is_own = not (models or model or threads) and delegate == "auto"
    command = _command(installed, [*words, *parcel.words], is_own=is_own)
    content = parcel.pack()
    script = _script(command, "" if models else model or "", len(content))
    visit = _Visit(connection, reporter.progress)
    try:
        data = visit.talk(script, content, plan.seconds)
    except KeyboardInterrupt:
        reporter.warn(f"{visit.target} {LEFT}")
        raise
    except EdgeHdrError as error:
        _translate(error, visit, parcel)
        data = getattr(error, "data", None) or {}
        if "failed" not in data:
            raise
    measurement = _at_home(data, parcel, visit.target)
    if images is None or not measurement["models"]:
        return measurement, {}
    return measurement, _logits(visit.answers, measurement["models"], len(images), visit.target)


class _Visit:
    """One conversation with a board's bench.

    Attributes:
        target: the board's name.
        is_ready: whether the board has all that was sent.
        answers: lines of base64 of the file with the answers.
    """

    def __init__(self, connection: Connection, progress: Progress) -> None:
        self._connection, self._progress = connection, progress
        self.target = str(connection.target)
        self.is_ready = self._is_answering = False
        self.answers: list[str] = []

    def talk(self, script: str, content: bytes, seconds: float) -> dict[str, Any]:
        """Send the content to a script, and give its document's data."""
        size = len(content)
        return remote.stream(
            self._connection,
            ("sh", "-c", script),
            self._take,
            send=(content[at : at + PIECE_BYTES] for at in range(0, size, PIECE_BYTES)),
            send_bytes=size,
            on_sent=lambda sent: self._progress("sending models and digits", sent, size),
            idle_s=IDLE_S + seconds,
        )

    def _take(self, line: str) -> None:
        if self._is_answering:
            self.answers.append(line)
        elif line in {READY, MARK}:
            self.is_ready, self._is_answering = True, line == MARK
        else:
            try:
                event = json.loads(line)
                self._progress(str(event["text"]), int(event["done"]), int(event["total"]))
            except (ValueError, KeyError, TypeError):
                return  # something of the board's own


def _words(
    plan: Plan, threads: int, delegate: str, input_range: tuple[float, float] | None
) -> list[str]:
    words = ["bench", "--json", "--events", "--attended", "--seconds", f"{plan.seconds:g}"]
    words += ["--threads", str(threads), "--delegate", delegate, "--cold", str(plan.cold)]
    words += ["--sweep"] if plan.sweep else []
    words += [] if plan.frame else ["--no-frame"]
    return words + ([f"--input-range={input_range[0]},{input_range[1]}"] if input_range else [])


def _command(installed: remote.Installed, words: Sequence[str], *, is_own: bool) -> tuple[str, ...]:
    """Give the argv on the board, with root's rights where the installation is root's.

    Args:
        installed: the board's edge-hdr.
        words: of its command.
        is_own: the service's own model is measured as the service has chosen to run it.
    """
    argv = installed.command(*words)
    if installed.mode == "user" or not installed.may_be_root:
        return argv
    return installed.as_owner(("env", f"EDGE_HDR_STATE={STATE}", *argv) if is_own else argv)


def _script(command: Sequence[str], model: str, size: int) -> str:
    """Write what the board does.

    Args:
        command: that measures, without the board's own model.
        model: that model, a released name or a path, also from the folder that a login begins in.
        size: bytes of the archive on its stdin.
    """
    return PRIVATE_FOLDER + RUN.format(
        size=size,
        ready=READY,
        model=shlex.quote(model),
        command=shlex.join(command),
        answers=ANSWERS,
        mark=MARK,
    )


def _translate(error: EdgeHdrError, visit: _Visit, parcel: Parcel) -> None:
    """Make an error that came from a board one of this computer.

    Raises:
        OldRuntimeError: the board's command does not know our words.
        DeviceStepError: the board did not take what was sent.
    """
    target = visit.target
    if isinstance(error, UsageError) and "unrecognized arguments" in error.message:
        raise _other_version(target) from error
    if isinstance(error, UnreachableError):
        if visit.is_ready:
            error.hint += f"; {target} {LEFT}"
        return
    if not visit.is_ready and error.code == DeviceStepError.code:
        reason = error.message.partition("gave no answer: ")[2] or error.message
        raise DeviceStepError(
            f"{target} did not take what was sent: {reason}",
            hint="look whether there is room; df -h /var/tmp there shows it",
        ) from error
    if error.code == "storage":
        error.hint = "free some room in the board's /var/tmp"
    error.message, error.hint = parcel.at_home(error.message), parcel.at_home(error.hint)


def _other_version(target: str) -> OldRuntimeError:
    return OldRuntimeError(
        f"{target.rstrip(':')}: the edge-hdr there is another version, which cannot measure this",
        hint=f"edge-hdr deploy {target}",
    )


def _at_home(data: dict[str, Any], parcel: Parcel, target: str) -> dict[str, Any]:
    """Give the models of a document the names and paths that they have here.

    Raises:
        OldRuntimeError: it is no document of this kind.
        DeviceStepError: it has others than were sent.
    """
    models, failed = data.get("models", []), data.get("failed", [])
    if models and data.get("schema") != SCHEMA:
        raise _other_version(target)
    if parcel.words:
        try:
            files = [parcel.file_at(entry["path"]) for entry in models]
        except (KeyError, IndexError, TypeError) as error:
            raise _senseless(target, "it measured other models than were sent") from error
        models = [
            {**entry, "name": file.name, "path": parcel.at_home(entry["path"])}
            for entry, file in zip(models, files, strict=True)
        ]
        failed = [{name: parcel.at_home(text) for name, text in entry.items()} for entry in failed]
    return {**data, "models": models, "failed": failed}


def _logits(
    lines: Sequence[str], models: Sequence[dict[str, Any]], n: int, target: str
) -> dict[str, Logits]:
    """Take the answers apart, which lie in the order of the models.

    Raises:
        DeviceStepError: they are damaged, or others than were asked for.
    """
    try:
        content = base64.b64decode("".join(lines), validate=True)
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = [file[name] for name in file.files]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _senseless(target, "its answers did not come whole") from error
    found = {}
    for entry, array in zip(models, arrays, strict=False):
        classes = len(entry["classes"] or ()) or array.shape[-1]
        if array.dtype != np.float32 or array.shape != (n, classes):
            what = f"{array.dtype} {array.shape}, not float32 ({n}, {classes})"
            raise _senseless(target, f"its answers of {entry['name']} are {what}")
        found[entry["name"]] = array
    if len(arrays) != len(models):
        raise _senseless(target, f"it gave {len(arrays)} answers for {len(models)} models")
    return found


def _senseless(target: str, what: str) -> DeviceStepError:
    return DeviceStepError(
        f"{target.rstrip(':')}: {what}", hint="run it again; edge-hdr doctor looks at it"
    )
