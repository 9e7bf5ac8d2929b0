"""Make small bench documents for the tests of comparisons."""

from __future__ import annotations

N = 1000
STEADY = (0.100, 0.101, 0.099, 0.100, 0.100)
PROCESSOR = {"processor": "Cortex-A72", "machine": "aarch64"}


def times(windows):
    return {"p50_ms": sorted(windows)[len(windows) // 2], "windows_p50_ms": list(windows)}


def model(name="ours", *, wrong=(), size=30_000, windows=STEADY, sha256="", **changes):
    latency = {"delegate": "xnnpack", "threads": 1, "invoke": times(windows), "instructions": None}
    entry = {
        "name": name,
        "sha256": sha256 or f"of {name}",
        "runtime": "",
        "test": {"n": N, "errors": len(wrong)},
        "wrong": list(wrong),
        "file_bytes": size,
        "latency": {**latency, **changes.pop("latency", {})},
    }
    return {**entry, **changes}


def run(*models, sha256="digits", **measurement):
    return {
        "schema": 2,
        "data": {"sha256": sha256, "test_name": "MNIST test"},
        "measurement": {
            "comparable": True,
            "marks": [],
            "interpreter": "ai-edge-litert 2.3.0",
            "environment": dict(PROCESSOR),
            **measurement,
        },
        "models": list(models) or [model()],
    }
