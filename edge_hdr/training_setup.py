"""Set TensorFlow up once a process: quiet, seeded, deterministic, with a distribution strategy."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass
from typing import Any

from edge_hdr.errors import ConfigError, DependencyError
from edge_hdr_device.quiet import native_output_hidden

PACKAGES = ("tensorflow", "tf_keras", "tensorflow_model_optimization")


@dataclass(frozen=True)
class Cluster:
    """Who trains.

    Attributes:
        strategy: a tf.distribute strategy.
        chief: True on the process that writes and exports.
        worker: index of this process among the workers, 0 where there is one.
    """

    strategy: Any
    chief: bool = True
    worker: int = 0


def require_train_extra() -> None:
    """Check that the packages for training are installed, without importing them.

    Raises:
        DependencyError: one is missing.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise DependencyError(
            f"training needs {', '.join(missing)}", hint="pip install 'edge-hdr[train]'"
        )


def prepare(seed: int, *, distribute: str = "none", replicas: int = 0) -> Cluster:
    """Import TensorFlow with the project's settings and choose who trains.

    Args:
        seed: of Python, NumPy and TensorFlow.
        distribute: none, mirrored (the GPUs of this machine, or `replicas` parts of its
            processor), or multiworker (the machines that TF_CONFIG names).
        replicas: see above.

    Raises:
        DependencyError: see `require_train_extra`.
        ConfigError: multiworker without a usable TF_CONFIG.
    """
    require_train_extra()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tfmot knows Keras 2 only
    task = _task() if distribute == "multiworker" else {}
    with native_output_hidden():
        import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    tf.config.experimental.enable_op_determinism()
    strategy = _strategy(tf, distribute, replicas)
    tf.keras.utils.set_random_seed(seed)
    index = int(task.get("index", 0))
    chief = task.get("type", "chief") == "chief" or (index == 0 and not _has_chief())
    return Cluster(strategy, chief=chief, worker=index)


def _strategy(tf: Any, distribute: str, replicas: int) -> Any:
    if distribute == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if distribute != "mirrored":
        return tf.distribute.get_strategy()
    if tf.config.list_physical_devices("GPU") or replicas < 2:
        return tf.distribute.MirroredStrategy()
    parts = [tf.config.LogicalDeviceConfiguration() for _ in range(replicas)]
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, parts)
    return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(replicas)])


def _task() -> dict[str, Any]:
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        cluster, task = config["cluster"], config["task"]
        if not 0 <= int(task["index"]) < len(cluster[task["type"]]):
            raise ValueError("the task's index is not in the cluster")
        return dict(task)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"--distribute multiworker needs TF_CONFIG ({type(error).__name__}: {error})",
            hint='set TF_CONFIG to {"cluster": {"worker": ["host:port", …]}, '
            '"task": {"type": "worker", "index": 0}} on each machine',
        ) from error


def _has_chief() -> bool:
    return "chief" in json.loads(os.environ.get("TF_CONFIG", "{}")).get("cluster", {})
