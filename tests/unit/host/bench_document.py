"""Make documents of a bench run by hand, in the shape that `edge-hdr bench` writes."""

from __future__ import annotations

import numpy as np

from edge_hdr.evaluate import wilson_interval

N = 10_000
DIGITS = [str(digit) for digit in range(10)]
# name, kind, errors of 10,000, bytes of the file, ms of a call, bytes of the arena
SYSTEMS = [
    ("lenet5-float32", "tflite", 93, 182_468, 0.0531, 21_376),
    ("ds-cnn-small-int8", "tflite", 47, 39_512, 0.01744, 12_544),
    ("ds-cnn-nano-int8", "tflite", 91, 9_948, 0.00853, 6_272),
    ("ds-cnn-base-float32", "tflite", 38, 148_212, 0.0502, 50_176),
    ("ds-cnn-base-int8", "tflite", 41, 62_700, 0.0417, 25_088),
    ("ds-cnn-small-float32", "tflite", 46, 97_204, 0.0212, 25_600),
    ("ds-cnn-small-int8-ptq", "tflite", 52, 39_480, 0.01751, 12_544),
    ("ds-cnn-small-int8-pruned", "tflite", 49, 39_512, 0.01739, 12_544),
    ("ds-cnn-nano-float32", "tflite", 84, 25_104, 0.0096, 12_800),
    ("ds-cnn-nano-int8-ptq", "tflite", 97, 9_948, 0.00851, 6_272),
    ("mlp-float32", "tflite", 241, 438_100, 0.0148, 1_024),
    ("mlp-int8", "tflite", 246, 113_900, 0.0061, 512),
    ("cnn5-float32", "tflite", 78, 1_734_220, 0.212, 86_528),
    ("lenet5-augmented-float32", "tflite", 66, 182_468, 0.0533, 21_376),
    ("alexnet-float32", "tflite", 61, 14_820_112, 2.31, 401_408),
    ("ciresan-column-float32", "tflite", 44, 1_120_400, 0.631, 120_064),
    ("ciresan-committee-of-5", "keras", 29, 5_602_000, 3.21, None),
    ("resnet-float32", "tflite", 36, 1_098_000, 1.18, 200_704),
    ("mobilenet-transfer-float32", "tflite", 58, 9_012_300, 3.87, 602_112),
    ("light-cnn-float32", "tflite", 83, 98_440, 0.0389, 33_024),
    ("knn-3 (scikit-learn)", "sklearn", 283, 172_800_000, 11.4, None),
    ("svm-rbf (scikit-learn)", "sklearn", 163, 61_300_000, 6.8, None),
    ("hog + svm (scikit-learn)", "sklearn", 104, 4_120_000, 1.92, None),
    ("mnist-8 (ONNX zoo)", "onnx", 109, 26_454, 0.046, None),
    ("everylumi-fp32", "tflite", 44, 1_146_008, 0.133, 70_656),
]
CORRUPTIONS = {  # the error that a plain model has at the worst severity, %
    "shot_noise": 4, "impulse_noise": 12, "glass_blur": 20, "motion_blur": 8, "shear": 3,
    "scale": 17, "rotate": 8, "brightness": 62, "translate": 44, "stripe": 19, "fog": 71,
    "spatter": 3, "dotted_line": 4, "zigzag": 14, "canny_edges": 30, "contrast": 21,
    "inversion": 88, "gaussian_noise": 9, "gaussian_blur": 5, "defocus_blur": 13, "pixelate": 6,
    "jpeg": 1, "thin": 4, "thick": 11,
}  # fmt: skip
NON_DIGITS = ("letters", "scribbles", "texture", "fragments", "blank")


def document(count=3, *, accuracy=True, frame=True, sweep=False, robustness=False, cold=True):
    """Give the document of a run of the first `count` systems, the parts that are asked for.

    `robustness` is the number of kinds of corruption, True for all.
    """
    models = [_model(*row, frame=frame, sweep=sweep, cold=cold) for row in SYSTEMS[:count]]
    for at, model in enumerate(models):
        rng = np.random.default_rng(at)
        if accuracy:
            model["test"], model["wrong"] = _test(SYSTEMS[at][2], rng)
            model["against_first"] = _against(models[0], model) if at else None
        if robustness:
            kinds = None if robustness is True else robustness
            model["robustness"] = _robustness(SYSTEMS[at][2] / N, kinds, rng)
    return {
        "schema": 2,
        "command": "edge-hdr bench " + " ".join(model["name"] for model in models[:3]),
        "measured": "2025-11-02T14:03:11+00:00",
        "target": "pi@raspberrypi.local",
        "data": {
            "name": "mnist",
            "test_name": "MNIST test",
            "n": N,
            "sha256": "ab" * 32,
            "source": "yann.lecun.com/exdb/mnist",
        }
        if accuracy
        else None,
        "measurement": _measurement(frame=frame),
        "models": models,
        "front": {
            "bytes": _front(SYSTEMS[:count], 3) if accuracy else [],
            "latency": _front(SYSTEMS[:count], 4) if accuracy else [],
        },
        "comparison": None,
        "warnings": [],
    }


def compared(doc):
    """Add a comparison with a baseline to a document: its second model got slower."""
    rows = []
    for at, model in enumerate(doc["models"]):
        after = model["latency"]["invoke"]["p50_ms"]
        ratio = 1.21 if at == 1 else 1.0 - 0.01 * at
        bytes_now = model["file_bytes"]
        rows.append(
            {
                "name": model["name"],
                "accuracy": {
                    "before": model["test"]["accuracy"] + 0.0004,
                    "after": model["test"]["accuracy"],
                    "errors_before": model["test"]["errors"] - 4,
                    "errors_after": model["test"]["errors"],
                    "difference": -0.0004,
                    "low": -0.0013,
                    "high": 0.0005,
                    "p_value": 0.43,
                    "regression": False,
                },
                "bytes": {"before": bytes_now, "after": bytes_now, "regression": False},
                "latency": {
                    "before_ms": after / ratio,
                    "after_ms": after,
                    "ratio": ratio,
                    "low": ratio - 0.02,
                    "high": ratio + 0.02,
                    "regression": at == 1,
                    "relative_to": doc["models"][0]["name"] if at else None,
                    "why_not": "",
                },
                "instructions": None,
            }
        )
    doc["comparison"] = {
        "baseline": "main/bench.json",
        "comparable": True,
        "why_not": "",
        "tolerance": 0.05,
        "models": rows,
        "missing": ["ds-cnn-large-int8"],
        "new": [],
        "regressions": ["ds-cnn-small-int8: a call takes 1.21 × its time (1.19–1.23)"],
    }
    return doc


def throttled(doc):
    """Mark a document's run as held back by the board."""
    doc["measurement"] |= {"marks": ["throttled", "hot"], "comparable": False}
    doc["measurement"]["conditions"]["after"]["throttled"] = ["frequency capped"]
    return doc


def pictures(n=N):
    """Give the arrays of a run: uint8 (n, 28, 28), ink 255, a bright ring each, and labels."""
    down, across = np.mgrid[:28, :28] - 13.5
    ring = (np.abs(np.hypot(down, 0.8 * across) - 8) < 1.5).astype(np.uint8) * 255
    return {"images": np.broadcast_to(ring, (n, 28, 28)), "labels": np.arange(n) % 10}


def times(p50_ms, rng, n=4000):
    """Give Times of calls with a long tail."""
    taken = p50_ms * np.exp(np.abs(rng.normal(0, 0.12, n)) + (rng.random(n) < 0.02) * 0.4 - 0.08)
    edges = np.geomspace(taken.min(), taken.max(), 61)
    p50, p90, p99 = np.percentile(taken, (50, 90, 99))
    windows = [float(np.median(part)) for part in np.array_split(taken, 5)]
    return {
        "n": n,
        "p50_ms": float(p50),
        "p90_ms": float(p90),
        "p99_ms": float(p99),
        "min_ms": float(taken.min()),
        "windows_p50_ms": windows,
        "spread": (max(windows) - min(windows)) / float(np.median(windows)),
        "low_ms": 0.99 * float(p50),
        "high_ms": 1.01 * float(p50),
        "histogram": {
            "edges_ms": edges.tolist(),
            "counts": np.histogram(taken, edges)[0].tolist(),
        },
    }


def _model(name, kind, errors, size, call_ms, arena, *, frame, sweep, cold):
    rng = np.random.default_rng([errors, size])
    tflite = kind == "tflite"
    rows = _sweep(call_ms) if sweep and tflite else []
    best = max(rows, key=lambda row: row["images_per_second"], default=None)
    latency = {
        "name": name,
        "kind": kind,
        "path": f"models/{name}",
        "sha256": f"{size:064x}",
        "model_id": name,
        "delegate": "xnnpack" if tflite else "",
        "threads": 1,
        "batch": 1,
        "classes": DIGITS,
        "invoke": times(call_ms, rng),
        "call": times(call_ms + 0.012, rng),
        "ten": times(6 * call_ms + 0.02, rng),
        "frame": times(2.61 + 6 * call_ms, rng) if frame and tflite else None,
        "stages": {
            "locate": times(1.93, rng),
            "normalize": times(0.66, rng),
            "classify": times(6 * call_ms + 0.02, rng),
        }
        if frame and tflite
        else {},
        "cold": {
            "n": 5,
            "start_ms": 148.0,
            "open_ms": 1.2 + size / 4e5,
            "first_ms": 2 * call_ms,
            "resident_bytes": 61_300_000 + size,
            "resident_base_bytes": 58_100_000,
        }
        if cold and tflite
        else None,
        "sweep": rows,
        "best": best,
        "instructions": {"per_call": int(call_ms * 8e6), "cycles_per_call": int(call_ms * 3e6)}
        if tflite
        else None,
        "chosen_by_us": {},
    }
    return {
        "name": name,
        "path": f"models/{name}",
        "kind": kind,
        "runtime": "onnxruntime 1.23.2" if kind == "onnx" else "",
        "sha256": f"{size:064x}",
        "architecture": name.split("-")[0],
        "variant": name.rpartition("-")[2],
        "test": None,
        "wrong": [],
        "against_first": None,
        "footprint": _footprint(size, arena) if tflite else None,
        "file_bytes": size,
        "gzip_bytes": int(0.83 * size),
        "latency": latency,
        "robustness": None,
        "notes": [] if tflite else ["the kernels cannot be timed apart from the call"],
        "source": "",
        "licence": "Apache-2.0",
    }


def _footprint(size, arena):
    return {
        "parameters": size // 2,
        "macs": 7 * size,
        "macs_not_counted": [],
        "weight_bytes": int(0.8 * size),
        "flatbuffer_bytes": size - 1200,
        "file_bytes": size,
        "gzip_bytes": int(0.83 * size),
        "sparsity": 0.01,
        "arena_bytes": arena,
        "arena_method": "planned by size",
        "delegate": "xnnpack",
        "delegated": 9,
        "delegate_note": "",
        "operators": [],
    }


def _sweep(call_ms):
    rows = []
    for delegate, factor in (("xnnpack", 1.0), ("none", 1.7)):
        for threads in (1, 2, 4):
            for batch in (1, 2, 5, 10, 32):
                work_ms = factor * call_ms * batch * 0.6 / threads**0.7
                p50_ms = work_ms + 0.01 + 0.006 * (threads - 1)
                rows.append(
                    {
                        "delegate": delegate,
                        "threads": threads,
                        "batch": batch,
                        "p50_ms": p50_ms,
                        "images_per_second": 1e3 * batch / p50_ms,
                    }
                )
    return rows


def _test(errors, rng):
    """Scatter errors over a confusion matrix of 10,000 digits, and score it."""
    confusion = np.diag(np.full(10, N // 10))
    wrong = np.sort(rng.choice(N, errors, replace=False))
    mistakes = []
    for index in wrong:
        true = int(index % 10)
        predicted = int((true + rng.choice([1, 2, 4, 5, 7], p=[0.15, 0.15, 0.2, 0.35, 0.15])) % 10)
        confusion[true, true] -= 1
        confusion[true, predicted] += 1
        mistakes.append(
            {
                "index": int(index),
                "true": str(true),
                "predicted": str(predicted),
                "confidence": float(0.4 + 0.6 * rng.random()),
            }
        )
    hits = np.diag(confusion)
    recall, precision = hits / confusion.sum(axis=1), hits / confusion.sum(axis=0)
    f1 = 2 * precision * recall / (precision + recall)
    edges = np.linspace(0, 1, 16)
    counts = [0, 0, 0, 0, 1, 3, 6, 9, 14, 18, 22, 31, 48, 97, N - 249]
    middles = (edges[:-1] + edges[1:]) / 2
    filled = np.array(counts) > 0
    test = {
        "classes": DIGITS,
        "n": N,
        "errors": errors,
        "accuracy": 1 - errors / N,
        "interval": list(wilson_interval(N - errors, N)),
        "per_class": [
            {
                "label": label,
                "precision": float(precision[at]),
                "recall": float(recall[at]),
                "f1": float(f1[at]),
                "support": N // 10,
            }
            for at, label in enumerate(DIGITS)
        ],
        "macro": {
            "precision": float(precision.mean()),
            "recall": float(recall.mean()),
            "f1": float(f1.mean()),
        },
        "confusion": confusion.tolist(),
        "calibration": {
            "temperature": 1.31,
            "ece": 0.0016,
            "nll": 0.0152,
            "brier": 0.0071,
            "bins": {
                "edges": edges.tolist(),
                "counts": counts,
                "confidence": (filled * middles).tolist(),
                "accuracy": (filled * np.clip(middles - 0.04, 0, 1)).tolist(),
            },
        },
        "selective": {
            "threshold": 0.62,
            "coverage": 0.9968,
            "accuracy": 0.9984,
            "accepted": 9968,
            "errors": 16,
        },
        "mistakes": sorted(mistakes, key=lambda row: -row["confidence"])[:60],
    }
    return test, wrong.tolist()


def _against(first, model):
    theirs, ours = set(first["wrong"]), set(model["wrong"])
    return {
        "n": N,
        "agreement": 1 - len(theirs ^ ours) / N,
        "reference_errors": len(theirs),
        "candidate_errors": len(ours),
        "error_ratio": len(ours) / max(len(theirs), 1),
        "only_candidate_wrong": len(ours - theirs),
        "only_reference_wrong": len(theirs - ours),
        "p_value": 0.0004,
        "max_logit_difference": 4.1,
        "mean_logit_difference": 0.6,
    }


def _robustness(clean, kinds, rng):
    errors = {
        kind: {
            "plain": [
                min(0.9, clean + worst / 100 * part * rng.uniform(0.7, 1)) for part in (0.2, 0.6, 1)
            ],
            "normalized": [
                min(0.9, clean + worst / 100 * part * rng.uniform(0.05, 0.3))
                for part in (0.2, 0.6, 1)
            ],
        }
        for kind, worst in list(CORRUPTIONS.items())[:kinds]
    }
    mean = {
        form: float(np.mean([row[form] for row in errors.values()]))
        for form in ("plain", "normalized")
    }
    strength = rng.uniform(0.6, 1.2)
    attack = {f"{eps:g}": min(0.98, clean + strength * eps**1.4 * 5) for eps in (0.1, 0.2, 0.3)}
    others = {
        kind: {"auroc": float(rng.uniform(0.9, 0.999)), "accepted": float(rng.uniform(0, 0.4))}
        for kind in NON_DIGITS
    }
    return {
        "n": 1000,
        "normalized_n": 200,
        "seed": 0,
        "severities": [1, 2, 3],
        "clean": {"plain": clean, "normalized": 1.1 * clean},
        "corruptions": errors,
        "mean": mean,
        "mnist_c": mean,
        "found": {kind: {"none": [0.0] * 3, "several": [0.1] * 3} for kind in errors},
        "adversarial": {
            "source": "ds-cnn-small-float32",
            "on_source": {"fgsm": attack, "pgd": attack},
            "fgsm": attack,
            "pgd": {eps: min(0.99, 1.4 * error) for eps, error in attack.items()},
        },
        "non_digits": others,
        "auroc": float(np.mean([row["auroc"] for row in others.values()])),
        "selective": {"target": 0.999, "coverage": 0.987, "coverage_with_non_digits": 0.902},
    }


def _measurement(*, frame):
    before = {
        "temperature_c": 45.2,
        "throttled": [],
        "throttled_before": [],
        "clock_mhz": 1800,
        "clock_max_mhz": 1800,
        "governor": "ondemand",
        "load": 0.04,
    }
    return {
        "schema": 2,
        "version": "0.9.0",
        "interpreter": "ai-edge-litert 2.3.0",
        "python": "3.11.7",
        "numpy": "2.4.0",
        "environment": {
            "board": "Raspberry Pi 4 Model B Rev 1.5",
            "machine": "aarch64",
            "processor": "Cortex-A72",
            "features": ["fp", "asimd", "crc32"],
            "cores": 4,
            "memory_bytes": 3_980_000_000,
            "kernel": "6.12.34+rpt-rpi-v8",
            "governor": "ondemand",
            "clock_max_mhz": 1800,
            "system": "Debian GNU/Linux 13 (trixie)",
        },
        "conditions": {
            "before": before,
            "after": {**before, "temperature_c": 51.1, "load": 0.97},
        },
        "busy_share": 0.012,
        "marks": [],
        "comparable": True,
        "notes": ["the clock changes with the load (governor ondemand)"],
        "method": {
            "seconds": 10.0,
            "windows": 5,
            "warm_up_s": 0.5,
            "rounds": 4000,
            "threads": 1,
            "frame": "640×480 grey, 10 digits" if frame else None,
            "order": "interleaved",
            "clock": "perf_counter_ns",
        },
    }


def _front(systems, cost):
    """Give the names that no other beats in errors and cost."""
    return [
        row[0]
        for row in systems
        if not any(
            other[2] <= row[2]
            and other[cost] <= row[cost]
            and (other[2], other[cost]) != (row[2], row[cost])
            for other in systems
        )
    ]
