"""The classical classifiers: what each is made of, what is tried, and how it scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 64  # principal ones: 784 pixels at a twelfth of the work
_SMOOTHING = 0.1  # of a vote, given to each class


@dataclass(frozen=True)
class Method:
    """A classifier before it is fitted.

    Attributes:
        title: for people.
        features: one of `FEATURES`.
        make: gives an unfitted scikit-learn estimator for settings and a seed.
        grid: settings to choose from, the first of equals; those without a choice first.
        chosen_on: training digits that they are compared with; None is all.
        most: largest training set that is fitted in minutes; None is any.
    """

    title: str
    features: str
    make: Callable[[Mapping[str, float], int], Any]
    grid: tuple[Mapping[str, float], ...]
    chosen_on: int | None = None
    most: int | None = None


def _neighbours(settings: Mapping[str, float], seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    count = int(settings["k"])
    return KNeighborsClassifier(count, weights="distance", algorithm="brute")


def _kernel(settings: Mapping[str, float], seed: int) -> Any:
    from sklearn.svm import SVC

    return SVC(C=settings["c"], gamma=settings["gamma"], cache_size=1000)


def _reduced_kernel(settings: Mapping[str, float], seed: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    return make_pipeline(PCA(COMPONENTS, random_state=seed), _kernel(settings, seed))


def _linear(settings: Mapping[str, float], seed: int) -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(C=settings["c"], dual=False)


_KS = tuple({"k": k} for k in (3, 1, 4, 5, 7))
_RBF = tuple({"c": 10.0, "gamma": gamma} for gamma in (0.02, 0.015, 0.03, 0.04))
_HOG_RBF = tuple({"c": 10.0, "gamma": gamma} for gamma in (0.2, 0.1, 0.4, 0.8))
_LINEAR = tuple({"c": c} for c in (1.0, 0.3, 3.0, 10.0))

METHODS: Mapping[str, Method] = {
    "knn": Method("k-nearest neighbours, pixels", "pixels", _neighbours, _KS),
    "knn-deskewed": Method("k-nearest neighbours, deskewed", "deskewed", _neighbours, _KS),
    "svm-rbf": Method(
        "SVM, RBF kernel, pixels", "pixels", _kernel, _RBF, chosen_on=5000, most=20_000
    ),
    "svm-rbf-pca": Method(
        f"SVM, RBF kernel, {COMPONENTS} principal components of the pixels",
        "pixels", _reduced_kernel, _RBF, chosen_on=10_000,
    ),
    "hog-svm-linear": Method("HOG, linear SVM", "hog", _linear, _LINEAR, chosen_on=10_000),
    "hog-svm-rbf": Method("HOG, SVM with RBF kernel", "hog", _kernel, _HOG_RBF, chosen_on=10_000),
}  # fmt: skip


def scores(estimator: Any, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Score features, the largest score being the class.

    Args:
        estimator: fitted.
        values: float32 (N, features).

    Returns:
        float64 (N, classes): decision values, or the logarithms of smoothed shares of votes.
    """
    if hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(values), np.float64)
    votes = estimator.predict_proba(values) * estimator.n_neighbors
    total = estimator.n_neighbors + _SMOOTHING * votes.shape[1]
    return np.asarray(np.log((votes + _SMOOTHING) / total), np.float64)


_READ = ("_fit_X", "support_vectors_", "dual_coef_", "coef_", "intercept_", "components_", "mean_")


def arrays(estimator: Any) -> list[NDArray[Any]]:
    """List the arrays of numbers that a prediction reads."""
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    found = []
    for step in steps:
        linear_view = hasattr(step, "support_vectors_")  # its coef_ would be derived
        names = [name for name in _READ if not (linear_view and name == "coef_")]
        found += [np.asarray(getattr(step, name)) for name in names if hasattr(step, name)]
    return found
