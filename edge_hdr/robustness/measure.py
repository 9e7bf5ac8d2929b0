"""How models stand damaged digits, adversarial digits and non-digits, in figures.

Every picture is made once and shown to all models. Nothing is chosen on these pictures: a model's
temperature and threshold are those that its build found on validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_hdr.data.dataset import Progress, Split
from edge_hdr.data.splits import subset
from edge_hdr.robustness import corruptions
from edge_hdr.robustness.adversarial import load_adversary, transfer
from edge_hdr.robustness.examined import Errors, Examined, Images, LogitsOf
from edge_hdr.robustness.judgement import draw_strangers, judge
from edge_hdr.robustness.photo import Seen, see

__all__ = ["Examined", "measure_all", "measure_robustness"]

EXAMPLES = 1000
NORMALIZED_SHARE = 5  # every fifth digit goes through the normalizer, which takes most of the time
NORMALIZED_LEAST = 100
PUBLISHED = (2,)  # the severity with MNIST-C's own parameters


@dataclass(frozen=True)
class _Damage:
    """A kind and severity of damage, made once for all models."""

    kind: str
    plain: Images
    seen: Seen


@dataclass
class _Steps:
    """Tell how far a run is."""

    progress: Progress | None
    total: int
    done: int = 0

    def next(self, text: str) -> None:
        if self.progress is not None:
            self.progress(text, self.done, self.total)
        self.done += 1


def measure_all(
    models: Sequence[Examined],
    split: Split,
    *,
    n: int = EXAMPLES,
    seed: int = 0,
    adversary: Path | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Examine any number of models on the same pictures.

    An error is a share of wrong ones in [0, 1]. "normalized" figures show each picture as a photo
    to the device's locator and normalizer; where that finds nothing, it counts as an error, for a
    device reads nothing there. They use a fifth of the digits (100 at least) where damaged, and of
    the non-digits.

    Args:
        models: what is examined.
        split: labelled normalized digits, those of a test split; never chosen on.
        n: digits, drawn with the split's class shares; all when it has no more.
        seed: of the choice of digits and of every picture.
        adversary: folder of a finished build whose float model is attacked; None attacks none.
        progress: told of each step.

    Returns:
        For each model, JSON-ready:
        "n", "normalized_n", "seed", "severities";
        "clean", {"plain", "normalized"}: errors on all n digits as they are;
        "corruptions", by kind {"plain", "normalized"}: errors, one a severity;
        "found", by kind {"none", "several"}: shares of pictures, one a severity, in which the
        locator found no digit, and more than one, of which the largest is read;
        "mean" and "mean_interval", {"plain", "normalized"}: over kinds and severities;
        "mnist_c" and "mnist_c_interval": over MNIST-C's kinds at its published parameters;
        "adversarial": None, or "source" (the attacked model), "fgsm" and "pgd" (by epsilon the
        error on what was made for the source), "on_source" (the same of the source itself);
        "non_digits", by kind "auroc" (of the confidence, the whole clean split against these),
        "accepted" (share that the model's own threshold accepts) and both "…_normalized";
        "auroc" and "auroc_normalized": their means;
        "selective": "target", the accuracy wanted, and the "coverage" that it leaves of the whole
        split ("n"), see `edge_hdr.robustness.scores.coverage`, "coverage_with_non_digits" where an
        accepted non-digit is an error, and both "…_normalized" (of "normalized_n" digits).

    Raises:
        DataError: `n` is smaller than the number of classes.
        ConfigError: `adversary` is no build's folder.
        DependencyError: there is an adversary and TensorFlow is not installed.
    """
    digits = subset(split, n, seed)
    source = load_adversary(adversary, int(split.labels.max()) + 1) if adversary else None
    few = subset(digits, max(len(digits) // NORMALIZED_SHARE, NORMALIZED_LEAST), seed)
    results: list[dict[str, Any]] = [_head(digits, few, seed) for _ in models]
    sets = len(corruptions.KINDS) * len(corruptions.SEVERITIES)
    steps = _Steps(progress, 2 + (source is not None) + sets)
    steps.next("clean digits")
    seen = see(digits.images)
    for model, result in zip(models, results, strict=True):
        result["clean"] = {
            "plain": float(model.wrong(digits.images, digits.labels).mean()),
            "normalized": float(model.wrong_seen(seen, digits.labels).mean()),
        }
    for result in results:
        result["adversarial"] = None
    if source is not None:
        steps.next("adversarial digits")
        for result, errors in zip(results, transfer(source, models, digits, seed), strict=True):
            result["adversarial"] = errors
    steps.next("non-digits")
    strangers = draw_strangers(len(digits), len(few), seed)
    for model, result in zip(models, results, strict=True):
        result.update(judge(model, split, (seen, digits), strangers))
    _corrupted(models, results, (digits, few), seed, steps)
    if progress is not None:
        progress("robustness", steps.total, steps.total)
    return results


def measure_robustness(
    logits_of: LogitsOf,
    split: Split,
    *,
    n: int = EXAMPLES,
    seed: int = 0,
    temperature: float = 1.0,
    threshold: float = 0.0,
    adversary: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Examine one model; for several call `measure_all`, which makes the pictures once for all."""
    model = Examined(logits_of, temperature, threshold)
    return measure_all([model], split, n=n, seed=seed, adversary=adversary, progress=progress)[0]


def _head(digits: Split, few: Split, seed: int) -> dict[str, Any]:
    return {
        "n": len(digits),
        "normalized_n": len(few),
        "seed": seed,
        "severities": list(corruptions.SEVERITIES),
    }


def _corrupted(
    models: Sequence[Examined],
    results: list[dict[str, Any]],
    parts: tuple[Split, Split],
    seed: int,
    steps: _Steps,
) -> None:
    """Add the errors on damaged digits."""
    digits, few = parts
    plain, normalized = [Errors() for _ in models], [Errors() for _ in models]
    found: dict[str, dict[str, list[float]]] = {}
    for damage in _damages(digits, few, seed, steps):
        shares = found.setdefault(damage.kind, {"none": [], "several": []})
        shares["none"].append(float((damage.seen.found == 0).mean()))
        shares["several"].append(float((damage.seen.found > 1).mean()))
        for index, model in enumerate(models):
            plain[index].add(damage.kind, model.wrong(damage.plain, digits.labels))
            normalized[index].add(damage.kind, model.wrong_seen(damage.seen, few.labels))
    for result, *errors in zip(results, plain, normalized, strict=True):
        ways = dict(zip(("plain", "normalized"), errors, strict=True))
        result["corruptions"] = {
            kind: {way: error.of(kind) for way, error in ways.items()} for kind in corruptions.KINDS
        }
        result["found"] = found
        result.update(_means("mean", ways, corruptions.KINDS, corruptions.SEVERITIES))
        result.update(_means("mnist_c", ways, tuple(corruptions.MNIST_C), PUBLISHED))


def _damages(digits: Split, few: Split, seed: int, steps: _Steps) -> Iterator[_Damage]:
    for kind in corruptions.KINDS:
        for severity in corruptions.SEVERITIES:
            steps.next(f"{kind.replace('_', ' ')}, severity {severity}")
            plain = corruptions.corrupt(digits.images, kind, severity, seed)
            seen = see(corruptions.corrupt(few.images, kind, severity, seed))
            yield _Damage(kind, plain, seen)


def _means(
    name: str, ways: dict[str, Errors], kinds: Sequence[str], severities: Sequence[int]
) -> dict[str, Any]:
    """Give the means and their intervals under two names."""
    both = {way: errors.mean(kinds, severities) for way, errors in ways.items()}
    return {
        name: {way: mean for way, (mean, _) in both.items()},
        f"{name}_interval": {way: list(interval) for way, (_, interval) in both.items()},
    }
