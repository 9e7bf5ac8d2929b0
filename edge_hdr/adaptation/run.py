"""From labelled samples to an adapted model that was judged: the steps of `edge-hdr adapt`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr import __version__
from edge_hdr.adaptation import rehearsal as rehearsals
from edge_hdr.adaptation.calibrate import Calibrated, calibrated
from edge_hdr.adaptation.judgement import Judgement, folds, judge, right
from edge_hdr.adaptation.rehearsal import Rehearsal
from edge_hdr.adaptation.samples import Samples, read_samples
from edge_hdr.data.dataset import Split
from edge_hdr.data.splits import subset
from edge_hdr.errors import ModelError
from edge_hdr.progress import Clock, Reporter
from edge_hdr.provenance import versions
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.manifest import Manifest, read_model

if TYPE_CHECKING:
    from edge_hdr.training_adapt import Adapter

SUFFIX = "-adapted"  # of the name of an adapted model
WATCHED = 500  # validation digits that the history reports


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        samples: folder of labelled samples.
        parent: the file to begin from.
        data: what is rehearsed, as `data.load` takes it.
        data_dir: where MNIST may lie.
        seed: of everything.
    """

    samples: Path
    parent: Path
    data: str = "auto"
    data_dir: Path | None = None
    seed: int = 0


@dataclass(frozen=True)
class Adapted:
    """What an adaptation made.

    Attributes:
        manifest: of the new model, complete but for what `record` adds.
        flatbuffer: the new model.
        parent: manifest of the old one.
        samples: what was learnt.
        rehearsal: what was not to be forgotten.
        judgement: whether it is better.
        held: the digits that were held back, with the logits of old and new.
        checked: temperature, threshold and what they give on the rehearsal.
        history: rows of all trainings.
        seconds: by step.
    """

    manifest: Manifest
    flatbuffer: bytes
    parent: Manifest
    samples: Samples
    rehearsal: Rehearsal
    judgement: Judgement
    held: tuple[Split, NDArray[np.float32], NDArray[np.float32]]
    checked: Calibrated
    history: list[dict[str, Any]]
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Trained:
    """One training: its file, and what it says of all samples and of the rehearsal."""

    flatbuffer: bytes
    manifest: Manifest
    logits: NDArray[np.float32]
    checked: Calibrated


def adapt(wish: Wish, reporter: Reporter) -> Adapted:
    """Adapt a model to samples and judge it on those that were held back.

    With few samples each is held back once, from one of three trainings, and the model itself
    learns them all; of many, one part is held back and the model has not seen it.

    Raises:
        DataError: see `samples.read_samples`, `data.load`.
        ModelError: the file cannot be rebuilt; see `training_weights.from_tflite`.
        ConfigError: the rehearsal has other classes than the model.
        DependencyError: TensorFlow is not installed.
        CheckFailedError: a training diverged.
        KeyboardInterrupt: Ctrl-C; nothing was written.
    """
    from edge_hdr.training_setup import prepare, require_train_extra

    require_train_extra()
    old, manifest = _parent(wish.parent)
    clock = Clock(reporter)
    with clock.step("data"):
        samples = read_samples(wish.samples, manifest.labels, reporter.bytes_done)
        for warning in samples.warnings:  # before minutes of work
            reporter.warn(warning)
        rehearsal = rehearsals.gather(
            manifest,
            data=wish.data,
            data_dir=wish.data_dir,
            seed=wish.seed,
            progress=reporter.bytes_done,
        )
    for warning in rehearsal.warnings:
        reporter.warn(warning)
    prepare(wish.seed)
    work = _Work(wish, old, manifest, samples.split, rehearsal, reporter)
    return work.adapted(samples, clock)


def name_of(parent: Path) -> str:
    """Give the name that the adapted model of a file has.

    Raises:
        ModelError: see `adapt`.
    """
    return _parent(parent)[1].name.removesuffix(SUFFIX) + SUFFIX


def _parent(path: Path) -> tuple[Classifier, Manifest]:
    _, manifest = read_model(path)
    if manifest is None:
        raise ModelError(
            f"{path} does not say what it is: it has no manifest",
            hint="adapt a released model or one that edge-hdr build made",
        )
    return Classifier(path, num_threads=2), manifest


class _Work:
    """The trainings of one adaptation."""

    def __init__(
        self,
        wish: Wish,
        old: Classifier,
        parent: Manifest,
        samples: Split,
        rehearsal: Rehearsal,
        reporter: Reporter,
    ) -> None:
        from edge_hdr.training_adapt import Adapter

        self.parent, self.samples, self.rehearsal, self.wish = parent, samples, rehearsal, wish
        self.reporter = reporter
        self.old_logits = old.logits(samples.images)
        self.old_checked = (
            old.logits(rehearsal.validation.images),
            old.logits(rehearsal.scenes.images),
        )
        self.history: list[dict[str, Any]] = []
        self.adapter: Adapter = Adapter(
            parent=wish.parent,
            rehearsal=rehearsal.train,
            watched=subset(rehearsal.validation, WATCHED, seed=wish.seed),
            sparse="pruned" in parent.variant,
            seed=wish.seed,
            progress=reporter,
        )

    def adapted(self, samples: Samples, clock: Clock) -> Adapted:
        """Run all trainings and judge."""
        held = folds(self.samples.labels, seed=self.wish.seed)
        in_turn = len(held) > 1
        logits = np.zeros_like(self.old_logits)
        new = np.zeros(len(self.samples), bool)
        count = len(held) + in_turn
        for number, mask in enumerate(held, start=1):
            with clock.step(f"training {number} of {count}: {int(mask.sum())} samples held back"):
                trained = self._train(self.samples.take(np.flatnonzero(~mask)))
            logits[mask] = trained.logits[mask]
            new |= mask & right(trained.logits, self.samples, trained.manifest)
        if in_turn:
            with clock.step(f"training {count} of {count}: on all samples"):
                trained = self._train(self.samples)
        asked = np.flatnonzero(np.any(held, axis=0))
        judgement = self._judge(asked, new, trained, in_turn=in_turn)
        digits = asked[self.samples.labels[asked] >= 0]
        return Adapted(
            manifest=trained.manifest,
            flatbuffer=trained.flatbuffer,
            parent=self.parent,
            samples=samples,
            rehearsal=self.rehearsal,
            judgement=judgement,
            held=(self.samples.take(digits), self.old_logits[digits], logits[digits]),
            checked=trained.checked,
            history=self.history,
            seconds=dict(clock.seconds),
        )

    def _train(self, samples: Split) -> _Trained:
        flatbuffer, history = self.adapter.train(samples)
        self.history += history
        classifier = Classifier(flatbuffer, num_threads=2, classes=len(self.parent.labels))
        checked = calibrated(
            self.parent,
            self.rehearsal,
            self.old_checked,
            (
                classifier.logits(self.rehearsal.validation.images),
                classifier.logits(self.rehearsal.scenes.images),
            ),
        )
        manifest = _manifest(self.parent, classifier, checked)
        return _Trained(flatbuffer, manifest, classifier.logits(self.samples.images), checked)

    def _judge(
        self, asked: NDArray[np.int64], new: NDArray[np.bool_], final: _Trained, *, in_turn: bool
    ) -> Judgement:
        old = right(self.old_logits, self.samples, self.parent)
        rehearsed = (
            self.rehearsal.name,
            len(self.rehearsal.validation),
            final.checked.old_errors,
            final.checked.errors,
        )
        return judge(old[asked], new[asked], rehearsed, in_turn=in_turn)


def _manifest(parent: Manifest, classifier: Classifier, checked: Calibrated) -> Manifest:
    """Give the new model's manifest: the parent's, but for what is new about the file."""
    variant = "int8-pruned" if "pruned" in parent.variant else "int8"
    return replace(
        parent,
        name=parent.name.removesuffix(SUFFIX) + SUFFIX,
        version=__version__,
        variant=variant,
        input=classifier.input_spec,
        output=classifier.output_spec,
        temperature=checked.temperature,
        threshold=checked.threshold,
        libraries=versions(),
        metrics={},
        sha256="",
    )
