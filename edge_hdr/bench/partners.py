"""Find for each model of a run the one of an earlier run that it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge_hdr.errors import InputError


class Named(Protocol):
    """What tells which model of another run a model is."""

    @property
    def name(self) -> str:
        """Give the name that is unique in its run."""

    @property
    def label(self) -> str:
        """Give the name that the user gave it by NAME=PATH; empty without."""

    @property
    def own_name(self) -> str:
        """Give the name in the model itself, or that of its file."""

    @property
    def argument(self) -> str:
        """Give the path or released name as the user typed it; empty where it is not known."""

    @property
    def sha256(self) -> str:
        """Give the digest of the file; empty where it is not known."""


def partners(before: Sequence[Named], after: Sequence[Named]) -> dict[str, str]:
    """Pair the models of a run with those of an earlier one, each with one at most.

    First those with the same NAME of NAME=PATH; then those that were asked for by the same
    argument: what replaced a file is compared with that, also where a copy of the old one is
    measured elsewhere; then the same files; last, those whose own name only one of those left in
    either run has.

    Args:
        before: the models of the earlier run.
        after: those of the run.

    Returns:
        By the name of each model that has a partner, the partner's; in the order of `after`.

    Raises:
        InputError: no model has one, or models without one are left in both runs: each may stand
            for one of the others, and what became worse would pass unseen.
    """
    found: dict[str, str] = {}
    for rule in (_same_name, _same_argument, _same_file, _alone_of_its_name):
        for model in after:
            old = [other for other in before if other.name not in found.values()]
            new = [other for other in after if other.name not in found]
            if model in new and (partner := rule(model, old, new)):
                found[model.name] = partner.name
    gone = [model.name for model in before if model.name not in found.values()]
    fresh = [model.name for model in after if model.name not in found]
    if fresh and (gone or not found):
        raise InputError(
            f"the baseline has nothing to compare {_listed(fresh)} with; "
            f"it has {_listed(gone)}, not in this run",
            hint="write NAME=PATH in both runs for models that belong together",
        )
    return {model.name: found[model.name] for model in after if model.name in found}


def _same_name(model: Named, old: Sequence[Named], new: Sequence[Named]) -> Named | None:
    named = (other for other in old if other.name == model.name)
    return next((other for other in named if other.label or model.label), None)


def _same_argument(model: Named, old: Sequence[Named], new: Sequence[Named]) -> Named | None:
    asked = (other for other in old if other.argument == model.argument)
    return next(asked, None) if model.argument else None


def _same_file(model: Named, old: Sequence[Named], new: Sequence[Named]) -> Named | None:
    same = (other for other in old if other.sha256 == model.sha256)
    return next(same, None) if model.sha256 else None


def _alone_of_its_name(model: Named, old: Sequence[Named], new: Sequence[Named]) -> Named | None:
    """Pair by the models' own names, unless the user gave both another."""
    before, after = (
        [other for other in run if other.own_name == model.own_name] for run in (old, new)
    )
    if len(before) != 1 or len(after) != 1 or (before[0].label and model.label):
        return None
    return before[0]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
