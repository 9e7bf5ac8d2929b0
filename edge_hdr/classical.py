"""Classical classifiers of scikit-learn, fitted here and measured by `bench` like any model.

Logits are scores over a temperature. The scores are, for neighbours, the logarithms of their
smoothed shares of votes, and for support vectors the decision values, one a class. The temperature
makes their softmax a probability: it is the one of least negative log-likelihood on the validation
split, and 1 without one.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.calibration import fit_temperature
from edge_hdr.classical_features import FEATURES
from edge_hdr.classical_methods import METHODS, Method, arrays, scores
from edge_hdr.data.dataset import DIGITS, Progress, Split
from edge_hdr.data.splits import subset
from edge_hdr.errors import ConfigError, DataError, ModelError, nearest
from edge_hdr_device.storage import write_atomic

if TYPE_CHECKING:
    from edge_hdr_device.pipeline import Reader

FILE = "classifier.joblib"
CHOSEN_ON_VALIDATION = 2000  # digits that settings are compared on
_FORMAT = 1


@dataclass
class Classical:
    """A fitted classifier; a Subject of `edge_hdr_device.bench`.

    Attributes:
        name: unique in a run.
        system: one of `METHODS`.
        estimator: fitted, of scikit-learn.
        settings: that were chosen or given.
        temperature: the scores are divided by it.
        trained_on: number of digits.
        validation_accuracy: on the whole validation split; None without one.
        path: of the file; None before `save`.
        classes: what the labels stand for.
    """

    name: str
    system: str
    estimator: Any
    settings: dict[str, float]
    temperature: float
    trained_on: int
    validation_accuracy: float | None = None
    path: Path | None = None
    classes: tuple[str, ...] = DIGITS
    kind: str = "sklearn"
    _digit: NDArray[np.uint8] = field(
        default_factory=lambda: np.zeros((1, 28, 28), np.uint8), repr=False
    )

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify uint8 (N, 28, 28), ink 255 on background 0; gives float32 (N, classes)."""
        if len(images) == 1:
            self._digit = images
        values = FEATURES[METHODS[self.system].features](images)
        return np.asarray(scores(self.estimator, values) / self.temperature, np.float32)

    def invoke(self) -> None:
        """Classify the digit last given alone once more, features included."""
        self.logits(self._digit)

    def reader(self) -> Reader | None:
        """Give None: frames are read by what devices run."""
        return None

    def reopened(self, threads: int, delegate: str) -> Classical | None:
        """Give None: there are no delegates."""
        return None

    def cold_argv(self) -> tuple[str, ...] | None:
        """Give None: a cold start is not measured."""
        return None

    @property
    def parameters(self) -> int:
        """Count the numbers that a prediction reads, stored examples included."""
        return sum(array.size for array in arrays(self.estimator))

    @property
    def macs(self) -> int:
        """Count multiplications with addition for a digit: each number is used once.

        Features, kernel functions and the search among distances are not counted.
        """
        return sum(array.size for array in arrays(self.estimator) if array.ndim > 1)

    @property
    def file_bytes(self) -> int | None:
        """Give the file's size; None before `save`."""
        return self.path.stat().st_size if self.path else None

    def save(self, folder: Path) -> None:
        """Write the classifier, compressed by joblib with zlib, into a folder.

        Raises:
            StorageError: it cannot be written.
        """
        import joblib
        import sklearn

        content = {
            "format": _FORMAT, "sklearn": sklearn.__version__, "name": self.name,
            "system": self.system, "estimator": self.estimator, "settings": self.settings,
            "temperature": self.temperature, "trained_on": self.trained_on,
            "validation_accuracy": self.validation_accuracy, "classes": self.classes,
        }  # fmt: skip
        file = io.BytesIO()
        joblib.dump(content, file, compress=3)
        write_atomic(folder / FILE, file.getvalue())
        self.path = folder / FILE


def load(folder: Path) -> Classical:
    """Read a classifier that `save` wrote; only one of your own, for such a file can run code.

    Raises:
        ModelError: there is none, it is damaged, or another scikit-learn wrote it.
    """
    import joblib
    import sklearn

    path = folder / FILE
    again = "remove the folder and fit it again"
    if not path.is_file():
        raise ModelError(f"{folder} has no {FILE}", hint="fit it first")
    try:
        with warnings.catch_warnings(action="ignore"):  # the version is checked below
            content = joblib.load(path)
        made_by, form = content.pop("sklearn"), content.pop("format")
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to say
        raise ModelError(f"{path} is damaged", hint=again) from error
    if made_by != sklearn.__version__ or form != _FORMAT:
        raise ModelError(
            f"{path} was written by scikit-learn {made_by}, this is {sklearn.__version__}",
            hint=again,
        )
    return Classical(path=path, **content)


def fit(
    system: str,
    train: Split,
    validation: Split | None = None,
    *,
    name: str = "",
    seed: int = 0,
    n: int | None = None,
    settings: Mapping[str, float] | None = None,
    classes: tuple[str, ...] = DIGITS,
    progress: Progress | None = None,
) -> Classical:
    """Choose a classifier's settings on validation, then fit it on the training split.

    Args:
        system: one of `METHODS`.
        train: normalized digits, at least one of each class.
        validation: what settings and temperature are chosen on, never the test split; None takes
            `settings`, or else the first of the method's grid, and a temperature of 1.
        name: unique in a run; by default the system's.
        seed: of the stratified subsets and of what the method draws.
        n: at most so many training digits; None takes as many as the method fits in minutes.
        settings: given ones, as {"k": 1}; nothing is chosen then.
        classes: what the labels stand for, three or more.
        progress: called before each candidate and before the fit.

    Raises:
        ConfigError: the system or a setting is unknown.
        DataError: a class has no example, or there are fewer examples than neighbours.
    """
    method = _method(system, settings)
    limit = min(n or len(train), method.most or len(train), len(train))
    _check(train, classes, limit)
    train = subset(train, limit, seed)
    grid = (settings,) if settings else method.grid
    note = progress or (lambda text, done, total: None)
    chosen = grid[0]
    if validation is not None and len(grid) > 1:
        chosen = _choose(method, train, validation, seed=seed, note=note)
    note(f"fitting {system} on {len(train):,} digits", len(grid), len(grid) + 1)
    estimator = _fitted(method, chosen, train, seed)
    found = Classical(
        name or system, system, estimator, dict(chosen), 1.0, len(train), classes=classes
    )
    if validation is not None:
        held = found.logits(validation.images)
        found.temperature = fit_temperature(held, validation.labels)
        found.validation_accuracy = float((held.argmax(axis=1) == validation.labels).mean())
    return found


def _method(system: str, settings: Mapping[str, float] | None) -> Method:
    if system not in METHODS:
        raise ConfigError(f"unknown classifier {system!r}", hint=nearest(system, METHODS))
    known = METHODS[system].grid[0]
    if settings and set(settings) != set(known):
        raise ConfigError(
            f"{system} has no settings {', '.join(settings)}", hint=f"give {', '.join(known)}"
        )
    return METHODS[system]


def _check(train: Split, classes: tuple[str, ...], limit: int) -> None:
    missing = sorted(set(range(len(classes))) - set(train.labels.tolist()))
    if missing or len(classes) < 3:
        lacks = f"no example of {classes[missing[0]]}" if missing else "two classes only"
        raise DataError(f"the training split has {lacks}", hint="give three classes or more")
    if limit < len(classes):
        raise DataError(f"{limit} examples cannot cover {len(classes)} classes")


def _choose(
    method: Method, train: Split, validation: Split, *, seed: int, note: Progress
) -> Mapping[str, float]:
    """Give the settings with the fewest errors on validation."""
    fewer = subset(train, method.chosen_on or len(train), seed)
    held = subset(validation, CHOSEN_ON_VALIDATION, seed)
    values = FEATURES[method.features](held.images)
    grid = [item for item in method.grid if item.get("k", 1) <= len(fewer)]
    errors = []
    for index, item in enumerate(grid):
        shown = ", ".join(f"{key} {value:g}" for key, value in item.items())
        note(f"trying {shown}", index, len(grid) + 1)
        found = scores(_fitted(method, item, fewer, seed), values)
        errors.append(int((found.argmax(axis=1) != held.labels).sum()))
    return grid[int(np.argmin(errors))]


def _fitted(method: Method, settings: Mapping[str, float], train: Split, seed: int) -> Any:
    if settings.get("k", 1) > len(train):
        raise DataError(
            f"{len(train)} examples have no {settings['k']:g} neighbours", hint="give a smaller k"
        )
    estimator = method.make(settings, seed)
    return estimator.fit(FEATURES[method.features](train.images), train.labels)
