"""Which interpreter and which packages a system takes, and which systems nothing exists for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge_hdr_device.errors import CheckFailedError, UsageError, nearest
from edge_hdr_device.install.pins import LEAST, NEEDED_WITH, NUMPY_1_PINS, PINS, TFLITE, TFLITE_PINS

OUTPUTS = ("starlette", "uvicorn", "paho", "prometheus_client")
WIDE = ("aarch64", "x86_64")
PYTHON_LEAST, TFLITE_PYTHON = "3.11", "3.11"
GLIBC_LEAST = {"aarch64": "2.28", "x86_64": "2.28", "armv7l": "2.34"}  # as their wheels say
GLIBC_MINORS = (41, 40, 39, 38, 37, 36, 35, 34, 31, 28, 27, 17)  # pip infers no lower tag itself
TAKE_64 = "write the card anew with the 64-bit Raspberry Pi OS (Bookworm or later)"
TAKE_OTHER = "a Pi 1 or Zero (W) cannot run 64-bit; take a Zero 2 W or a Pi 3 or later"
TAKE_DEBIAN = "take Debian 12, Ubuntu 24.04 or later"
DEBIANS = {"numpy": "python3-numpy", "cv2": "python3-opencv"}


@dataclass(frozen=True)
class Platform:
    """A system that a deployment is for, as far as its packages depend on it.

    Attributes:
        machine: of the userland: aarch64, armv7l, armv6l or x86_64.
        python: version of the system's Python, as "3.11".
        glibc: its version; empty for a system with another C library.
        numpy: version that the system has; empty for none.
        opencv: version that the system has; empty for none.
        picamera2: whether the system has it.
        packages: other packages of the system, each by its import name with its version.
    """

    machine: str
    python: str
    glibc: str = ""
    numpy: str = ""
    opencv: str = ""
    picamera2: bool = False
    packages: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Platform:
        """Take it from what `install.probe` found out."""
        userland, found = facts["userland"], facts["packages"]
        kept = [name for name in LEAST if name not in DEBIANS and found.get(name)]
        glibc = userland.get("libc_version") if userland.get("libc") == "glibc" else ""
        return cls(
            machine={"arm64": "aarch64", "amd64": "x86_64"}.get(
                userland["machine"], userland["machine"]
            ),
            python=".".join(str(facts["python"]["version"]).split(".")[:2]),
            glibc=str(glibc or ""),
            numpy=found.get("numpy") or "",
            opencv=found.get("cv2") or "",
            picamera2=bool(found.get("picamera2")),
            packages=tuple((name, str(found[name])) for name in sorted(kept)),
        )

    @classmethod
    def named(cls, name: str) -> Platform:
        """Give a system as it comes, by its short name.

        Raises:
            UsageError: there is no such name.
        """
        try:
            return PLATFORMS[name]
        except KeyError:
            raise UsageError(f"no platform {name!r}", hint=nearest(name, PLATFORMS)) from None

    @property
    def system(self) -> dict[str, str]:
        """Give the versions of the system's own packages, by import name."""
        own = {"numpy": self.numpy, "cv2": self.opencv}
        return {name: version for name, version in own.items() if version} | dict(self.packages)

    @property
    def pip_options(self) -> tuple[str, ...]:
        """Give the options by which pip on another machine fetches what this one takes."""
        short = "cp" + self.python.replace(".", "")
        highest = _parts(self.glibc or "2.17")
        minors = [minor for minor in GLIBC_MINORS if (2, minor) <= highest]
        return (
            *("--only-binary=:all:", "--implementation=cp", f"--python-version={self.python}"),
            *(f"--abi={abi}" for abi in (short, "abi3", "none")),
            *(f"--platform=manylinux_2_{minor}_{self.machine}" for minor in minors),
            f"--platform=manylinux2014_{self.machine}",
        )


@dataclass(frozen=True)
class EnvironmentPlan:
    """A virtual environment to be.

    Attributes:
        interpreter: package that runs the models, ai-edge-litert or tflite-runtime.
        system_packages: whether the system's packages are seen in it.
        requirements: exact pins of all that pip installs, dependencies included; sorted.
        key: short hash of all that the environment is made of.
        promised: import names that must work in it.
        notes: what a person should know, a sentence each.
    """

    interpreter: str
    system_packages: bool
    requirements: tuple[str, ...]
    key: str
    promised: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan(platform: Platform) -> EnvironmentPlan:
    """Choose interpreter and packages for a system.

    What the system has in a good version is not asked for again where it can be seen: beside
    picamera2, which only the system has, where no wheels exist, and where nothing is missing.

    Raises:
        CheckFailedError: there is no interpreter or no package for this system.
    """
    _check_system(platform)
    good = {name for name, version in platform.system.items() if _will_do(name, version)}
    interpreter = _interpreter(platform, good)
    wanted = ("numpy", "cv2", interpreter, *OUTPUTS)
    sees = platform.picamera2 or platform.machine not in WIDE or good.issuperset(wanted)
    relied = [name for name in wanted if sees and name in good]
    _check_numpy(platform, relied, sees)
    requirements = _requirements(platform, [name for name in wanted if name not in relied], sees)
    promised = (*wanted, *(("picamera2",) if platform.picamera2 else ()))
    made_of = (
        *(platform.python, platform.machine, str(sees), *requirements, "", *promised),
        *(f"{name}=={platform.system[name]}" for name in relied),
    )
    return EnvironmentPlan(
        interpreter=NEEDED_WITH[interpreter][0],
        system_packages=sees,
        requirements=requirements,
        key=hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:12],
        promised=promised,
        notes=tuple(_notes(platform, relied, requirements)),
    )


def _check_system(platform: Platform) -> None:
    """Refuse a system that nothing exists for, with the way out."""
    machine = platform.machine
    newer = TAKE_DEBIAN if machine == "x86_64" else TAKE_64
    if machine == "armv6l":
        raise CheckFailedError(
            "no interpreter exists for ARMv6 (Pi 1, Zero, Zero W)", hint=TAKE_OTHER
        )
    if machine not in GLIBC_LEAST:
        raise CheckFailedError(
            f"no interpreter exists for a {machine} system", hint="take a 64-bit ARM or x86 board"
        )
    if _parts(platform.python) < _parts(PYTHON_LEAST):
        raise CheckFailedError(
            f"the system's Python is {platform.python}, edge-hdr needs {PYTHON_LEAST} or later",
            hint=newer,
        )
    if not platform.glibc:
        raise CheckFailedError(
            "the system has no glibc (musl?), and the interpreters are built for no other",
            hint=newer,
        )
    if _parts(platform.glibc) < _parts(GLIBC_LEAST[machine]):
        raise CheckFailedError(
            f"the system's glibc is {platform.glibc}, the packages need {GLIBC_LEAST[machine]}",
            hint=newer,
        )


def _interpreter(platform: Platform, good: set[str]) -> str:
    """Choose the interpreter, by its import name."""
    if platform.machine in WIDE:
        others = {"numpy", "cv2", "tflite_runtime", *OUTPUTS}
        whole = good >= others and _parts(platform.numpy) < (2,)
        return "tflite_runtime" if whole and "ai_edge_litert" not in good else "ai_edge_litert"
    if platform.python != TFLITE_PYTHON and "tflite_runtime" not in good:
        raise CheckFailedError(
            f"no interpreter exists for 32-bit ARM with Python {platform.python}, only with "
            f"{TFLITE_PYTHON} (Bookworm)",
            hint=TAKE_64,
        )
    missing = [package for name, package in DEBIANS.items() if name not in good]
    if missing:
        raise CheckFailedError(
            f"a 32-bit system needs Debian's {' and '.join(missing)}; no wheels exist",
            hint=f"sudo apt install -y {' '.join(missing)}",
        )
    return "tflite_runtime"


def _check_numpy(platform: Platform, relied: list[str], sees: bool) -> None:
    if platform.picamera2 and platform.numpy and "numpy" not in relied:
        raise CheckFailedError(
            f"the system's numpy is {platform.numpy}, {LEAST['numpy']} or later is needed",
            hint="sudo apt update && sudo apt full-upgrade -y",
        )
    narrow = "tflite_runtime" in relied or platform.machine not in WIDE
    if narrow and sees and _parts(platform.numpy) >= (2,):
        raise CheckFailedError(
            f"tflite-runtime takes no numpy from 2 on, and the system has {platform.numpy}",
            hint=TAKE_64,
        )


def _requirements(platform: Platform, missing: list[str], sees: bool) -> tuple[str, ...]:
    """List the exact versions of what is missing, with what comes along."""
    pins = dict(PINS)
    if sees and platform.numpy and _parts(platform.numpy) < (2,):
        pins |= NUMPY_1_PINS
    pins[TFLITE] = TFLITE_PINS[TFLITE]
    names = {package for name in missing for package in NEEDED_WITH[name]}
    return tuple(sorted((f"{name}=={pins[name]}" for name in names), key=str.lower))


def _notes(platform: Platform, relied: list[str], requirements: tuple[str, ...]) -> list[str]:
    notes = []
    if platform.picamera2 and "numpy" in relied:
        notes.append(f"numpy stays the system's {platform.numpy}: picamera2 is built for it")
    elif relied and not requirements:
        notes.append("the system has every package already; nothing is installed")
    elif relied:
        notes.append(f"taken from the system: {', '.join(relied)}")
    return notes


def _will_do(name: str, version: str) -> bool:
    return name in LEAST and _parts(version) >= _parts(LEAST[name])


def _parts(version: str) -> tuple[int, ...]:
    """Give a version's leading numbers."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


_BOOKWORM = Platform("aarch64", "3.11", "2.36")
_TRIXIE = Platform("aarch64", "3.13", "2.41")
PLATFORMS = {
    "bookworm-64": _BOOKWORM,
    "bookworm-64-picamera2": replace(_BOOKWORM, numpy="1.24.2", picamera2=True),
    "bookworm-32": Platform("armv7l", "3.11", "2.36", numpy="1.24.2", opencv="4.6.0"),
    "trixie-64": _TRIXIE,
    "trixie-64-picamera2": replace(_TRIXIE, numpy="2.2.4", picamera2=True),
    "x86_64-py3.11": Platform("x86_64", "3.11", "2.36"),
    "x86_64-py3.12": Platform("x86_64", "3.12", "2.39"),
    "x86_64-py3.13": Platform("x86_64", "3.13", "2.41"),
}
