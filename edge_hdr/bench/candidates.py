"""The models of a run: those that cannot be used are told and left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge_hdr.bench.names import named_apart, split_arguments
from edge_hdr.bench.request import Reporter
from edge_hdr.bench.subjects import Failure, ModelFile, Options, read_model_file, start
from edge_hdr.errors import DependencyError, ModelError

if TYPE_CHECKING:
    from edge_hdr_device.bench.subject import Subject


class UnusableModelError(ModelError):
    """Some of several models could not be measured; the others' results are in `data`."""

    def __init__(self, failed: int, total: int, data: dict[str, Any]) -> None:
        some = "the others were measured; " if failed < total else ""
        super().__init__(
            f"{failed} of {total} models could not be measured",
            hint=f"{some}each failure is named above",
        )
        self.data = data


class Candidates:
    """The models of a run.

    Args:
        names: see `edge_hdr.bench.subjects.open_subject`, each also as NAME=PATH; a single one
            that cannot be used ends the run by its own error.
        reporter: is told of each that cannot be used.

    Attributes:
        files: those that can be used, in their order.
        subjects: the same opened, by name; empty before `start`.
        failures: the others.

    Raises:
        ModelError: none can be used.
        UsageError: see `edge_hdr.bench.names.split_arguments`.
    """

    def __init__(self, names: Sequence[str], reporter: Reporter) -> None:
        self._reporter, self.total = reporter, len(names)
        self.files: list[ModelFile] = []
        self.subjects: dict[str, Subject] = {}
        self.failures: list[Failure] = []
        for label, argument in split_arguments(names):
            try:
                file = read_model_file(argument)
            except ModelError as error:
                self._leave_out(argument, error)
            else:
                self.files.append(replace(file, name=label or file.name, label=label))
        self.files = named_apart(self.files)
        self._some_are_left()

    def start(self, options: Options) -> None:
        """Open them to be measured."""

        def open_one(file: ModelFile) -> None:
            self.subjects[file.name] = start(file, options)

        self.each(open_one)

    def each(self, step: Callable[[ModelFile], None]) -> None:
        """Do a step with each; those that fail in it are left out.

        Raises:
            ModelError: none is left.
        """
        for file in tuple(self.files):
            try:
                step(file)
            except (ModelError, DependencyError) as error:
                self.files.remove(file)
                self.subjects.pop(file.name, None)
                self._leave_out(str(file.path), error)
        self._some_are_left()

    def _leave_out(self, name: str, error: ModelError | DependencyError) -> None:
        if self.total == 1:
            raise error
        self.failures.append(Failure(name, error))
        self._reporter.warn(f"error: {error.message}")
        if error.hint:
            self._reporter.warn(f"hint: {error.hint}")

    def _some_are_left(self) -> None:
        if self.total and not self.files:
            data = {"failed": [failure.to_dict() for failure in self.failures]}
            raise UnusableModelError(self.total, self.total, data)
