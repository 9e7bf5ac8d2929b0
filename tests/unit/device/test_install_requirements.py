"""Which interpreter and packages each system gets, and what is said where nothing exists."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest

from edge_hdr_device.errors import CheckFailedError, UsageError
from edge_hdr_device.install.pins import NEEDED_WITH, NUMPY_1_PINS, PINS
from edge_hdr_device.install.requirements import PLATFORMS, Platform, plan

ROOT = Path(__file__).parents[3]
SYSTEM_HAS_ALL = replace(
    PLATFORMS["x86_64-py3.11"],
    numpy="2.4.6",
    opencv="5.0.0",
    packages=(
        *(("ai_edge_litert", "2.3.0"), ("paho", "2.2.0"), ("prometheus_client", "0.26.0")),
        *(("starlette", "1.10.0"), ("uvicorn", "0.54.0")),
    ),
)
BOOKWORM, PICAMERA = PLATFORMS["bookworm-64"], PLATFORMS["bookworm-64-picamera2"]
NARROW = PLATFORMS["bookworm-32"]


def project(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def versions(platform: Platform) -> dict[str, str]:
    return dict(pin.split("==") for pin in plan(platform).requirements)


def test_the_default_versions_are_those_that_the_tests_passed_with() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    passed = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {name: passed.get(name) for name in PINS} == PINS


def test_what_is_pinned_is_whole() -> None:
    """pip is told to look at no dependencies, so each one has to be in the table itself."""
    known = {project(name) for name in PINS}
    for name in PINS:
        wanted = [line for line in requires(name) or () if "extra ==" not in line]
        needed = {project(line) for line in wanted if 'python_version < "3.11"' not in line}
        assert needed - {"exceptiongroup", "colorama"} <= known, name


@pytest.mark.parametrize("name", ["bookworm-64", "trixie-64", "x86_64-py3.11", "x86_64-py3.13"])
def test_a_plain_64_bit_system_gets_all_by_pip_and_sees_nothing_of_the_system(name: str) -> None:
    found = plan(PLATFORMS[name])
    assert found.interpreter == "ai-edge-litert"
    assert not found.system_packages
    assert versions(PLATFORMS[name]) == PINS
    assert found.notes == ()


def test_packages_of_the_system_that_are_not_seen_change_nothing() -> None:
    assert plan(replace(BOOKWORM, numpy="1.24.2", opencv="4.6.0")) == plan(BOOKWORM)


def test_beside_picamera2_numpy_stays_the_system_s() -> None:
    found = plan(PICAMERA)
    assert found.system_packages
    assert "picamera2" in found.promised
    pins = versions(PICAMERA)
    assert "numpy" not in pins
    assert (pins["ml_dtypes"], pins["opencv-python-headless"]) == ("0.5.4", "4.11.0.86")
    assert pins == {name: version for name, version in PINS.items() if name != "numpy"} | (
        NUMPY_1_PINS
    )
    assert "numpy stays the system's 1.24.2" in found.notes[0]


def test_trixie_s_numpy_2_is_kept_with_the_default_versions_beside_it() -> None:
    pins = versions(PLATFORMS["trixie-64-picamera2"])
    assert pins == {name: version for name, version in PINS.items() if name != "numpy"}


def test_a_32_bit_system_takes_tflite_runtime_and_debian_s_numpy_and_opencv() -> None:
    found = plan(NARROW)
    assert found.interpreter == "tflite-runtime"
    assert found.system_packages
    pins = versions(NARROW)
    assert pins["tflite-runtime"] == "2.14.0"
    assert not {"numpy", "opencv-python-headless", "ml_dtypes", "protobuf"} & set(pins)


def test_nothing_is_installed_where_nothing_is_missing() -> None:
    found = plan(SYSTEM_HAS_ALL)
    assert (found.system_packages, found.requirements) == (True, ())
    assert "nothing is installed" in found.notes[0]


def test_one_package_too_old_and_the_environment_is_pip_s() -> None:
    old = tuple({**dict(SYSTEM_HAS_ALL.packages), "starlette": "0.26.1"}.items())
    found = plan(replace(SYSTEM_HAS_ALL, packages=old))
    assert not found.system_packages
    assert len(found.requirements) == len(PINS)


def test_tflite_runtime_will_do_where_the_system_has_it_with_all_else() -> None:
    packages = {**dict(SYSTEM_HAS_ALL.packages), "tflite_runtime": "2.14.0"}
    del packages["ai_edge_litert"]
    own = replace(SYSTEM_HAS_ALL, numpy="1.26.4", packages=tuple(sorted(packages.items())))
    assert plan(own).interpreter == "tflite-runtime"
    assert plan(own).requirements == ()
    assert plan(replace(own, numpy="2.1.0")).interpreter == "ai-edge-litert"


def test_what_the_system_has_besides_is_not_asked_for_again() -> None:
    found = plan(replace(PICAMERA, opencv="4.6.0", packages=(("paho", "2.1.0"),)))
    names = {pin.split("==")[0] for pin in found.requirements}
    assert not {"opencv-python-headless", "paho-mqtt"} & names
    assert names >= {"ai-edge-litert", "starlette", "uvicorn"}
    old = plan(replace(PICAMERA, packages=(("paho", "1.6.1"),)))  # Bookworm's own
    assert "paho-mqtt==2.2.0" in old.requirements


@pytest.mark.parametrize(
    ("platform", "message", "hint"),
    [
        (replace(NARROW, numpy="", opencv=""), "python3-numpy and python3-opencv",
         "sudo apt install -y python3-numpy python3-opencv"),
        (replace(NARROW, opencv=""), "Debian's python3-opencv",
         "sudo apt install -y python3-opencv"),
        (Platform("armv7l", "3.13", "2.41", "2.2.4", "4.10"), "32-bit ARM with Python 3.13",
         "64-bit Raspberry Pi OS"),
        (Platform("armv6l", "3.11", "2.36"), "ARMv6", "Zero 2 W"),
        (Platform("riscv64", "3.13", "2.41"), "riscv64", "64-bit ARM"),
        (Platform("aarch64", "3.9", "2.31"), "Python is 3.9", "64-bit Raspberry Pi OS"),
        (Platform("x86_64", "3.10", "2.35"), "Python is 3.10", "Debian 12"),
        (Platform("aarch64", "3.12", ""), "no glibc", "64-bit Raspberry Pi OS"),
        (Platform("aarch64", "3.11", "2.27"), "glibc is 2.27", "64-bit Raspberry Pi OS"),
        (replace(PICAMERA, numpy="1.19.5"), "numpy is 1.19.5", "full-upgrade"),
        (replace(NARROW, numpy="2.0.1"), "no numpy from 2 on", "64-bit"),
    ],
)  # fmt: skip
def test_a_system_that_nothing_exists_for_is_told_the_way_out(
    platform: Platform, message: str, hint: str
) -> None:
    with pytest.raises(CheckFailedError) as caught:
        plan(platform)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_the_key_changes_with_what_the_environment_is_made_of_and_with_nothing_else() -> None:
    changed = [
        PICAMERA,
        replace(PICAMERA, numpy="1.24.3"),
        replace(PICAMERA, opencv="4.6.0"),
        replace(PICAMERA, picamera2=False),
        replace(PICAMERA, python="3.12"),
        replace(PICAMERA, machine="x86_64"),
    ]
    keys = [plan(platform).key for platform in changed]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch("[0-9a-f]{12}", key) for key in keys)
    assert plan(replace(PICAMERA, glibc="2.37")).key == keys[0]


def test_a_platform_is_taken_from_the_probe() -> None:
    facts: dict[str, Any] = {
        "python": {"version": "3.11.2"},
        "userland": {"machine": "aarch64", "libc": "glibc", "libc_version": "2.36"},
        "packages": {"numpy": "1.24.2", "cv2": None, "picamera2": "0.3.31", "paho": "1.6.1"},
    }
    assert Platform.of(facts) == replace(PICAMERA, packages=(("paho", "1.6.1"),))
    facts["userland"] |= {"libc": "musl", "libc_version": "1.2.5"}
    assert Platform.of(facts).glibc == ""


def test_an_unknown_name_names_the_nearest() -> None:
    assert Platform.named("trixie-64").python == "3.13"
    with pytest.raises(UsageError) as caught:
        Platform.named("bookworm64")
    assert "bookworm-64" in caught.value.hint


def test_pip_elsewhere_is_told_every_tag_that_the_system_takes() -> None:
    options = BOOKWORM.pip_options
    assert "--platform=manylinux_2_36_aarch64" in options
    assert "--platform=manylinux_2_28_aarch64" in options
    assert "--platform=manylinux_2_41_aarch64" not in options
    assert {"--abi=cp311", "--abi=abi3", "--abi=none", "--python-version=3.11"} <= set(options)


def test_each_import_name_brings_only_what_is_pinned() -> None:
    brought = {package for packages in NEEDED_WITH.values() for package in packages}
    assert brought - {"tflite-runtime"} == set(PINS)
