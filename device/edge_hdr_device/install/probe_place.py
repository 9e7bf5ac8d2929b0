"""A board's file system, its programs and its Python, as the probe reads them.

It is sent to boards as a script with the probe, and runs on Python 3.6: hence quoted annotations.
"""

import contextlib
import os
import platform
import re
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT_S = 2.0
PROGRAMS = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
MACHINES = {0x03: "i686", 0x28: "arm", 0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv64"}  # of ELF
KNOWN_TO_DEBIAN = re.compile(r"Package: (libc6|dpkg|python3-\S+|libedgetpu\S+)\n")


class Place:
    """A file system with its programs and its Python.

    Args:
        root: another than / only in tests.
        home: of the user.
    """

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home, self.live = root, home, root == Path("/")
        self.program = Path(sys.executable or "/usr/bin/python3")
        self.prefix, self.python = Path(sys.base_prefix), platform.python_version()
        if not self.live:
            self.program, self.prefix = root / "usr/bin/python3", root / "usr"
            self.python = link(self.program).replace("python", "")
        elif sys.prefix != sys.base_prefix:
            self.program = self.program.resolve()
        self.library = self.prefix / "lib" / ("python" + ".".join(self.python.split(".")[:2]))
        self.debian = self._debian()
        self.is_debians = bool(self.debian) and self.prefix == root / "usr"

    def text(self, *names: str) -> str:
        """Read the first of some files that can be read."""
        for name in names:
            with contextlib.suppress(OSError):
                text = (self.root / name).read_text(encoding="utf-8", errors="replace")
                return text.strip("\0\n ")
        return ""

    def number(self, name: str) -> "int | None":
        """Read a file that holds a whole number."""
        text = self.text(name)
        return int(text) if re.match(r"-?\d+$", text) else None

    def find(self, pattern: str) -> "list[Path]":
        """List what matches, in the order of the numbers in its name."""
        with contextlib.suppress(OSError):
            found = list(self.root.glob(pattern))
            return sorted(found, key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])
        return []

    def where(self, program: str) -> "Path | None":
        """Find a program."""
        places = [self.root / folder / program for folder in PROGRAMS]
        return next((one for one in places if exists(one)), None)

    def run(self, name: str, *words: str) -> str:
        """Give what a program says; nothing where it is missing or takes too long."""
        program = self.where(name)
        runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                [str(program or name), *words] if program or self.live else [""],
                env=dict(os.environ, LC_ALL="C", XDG_RUNTIME_DIR=runtime),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=LIMIT_S,
                check=False,
            )
            return done.stdout.decode(errors="replace").strip()
        return ""

    def version(self, name: str, *distributions: str) -> "str | None":
        """Give the version of a package without importing it; None where it is not installed.

        Args:
            name: that it is imported by.
            distributions: that have it, spelt as the folders of their metadata are.
        """
        for folder in self.folders():
            for entry in sorted(path.name for path in folder.iterdir()):
                found = re.match(r"(.+?)-(\d[^-]*).*\.(dist|egg)-info$", entry)
                if found and re.sub(r"[-.]", "_", found.group(1)).lower() in distributions:
                    return found.group(2)
            package = "python3-" + {"cv2": "opencv"}.get(name, name)  # Debian's has no metadata
            if self.is_debians and package in self.debian and any(folder.glob(name + "*")):
                return self.debian[package][0]
        return None

    def folders(self) -> "list[Path]":
        """List where this Python finds packages, its first choice first."""
        version = self.library.name
        names = [f"local/lib/{version}/dist-packages"] if self.is_debians else []
        names += ["lib/python3/dist-packages"] if self.is_debians else []
        names += [f"{top}/{version}/site-packages" for top in ("lib", "lib64")]
        return [self.prefix / name for name in names if exists(self.prefix / name)]

    def userland(self) -> "dict[str, Any]":
        """Tell what programs here are made for; the kernel may be made for something else."""
        head = b""
        with contextlib.suppress(OSError), self.program.resolve().open("rb") as file:
            head = file.read(20)
        _, architecture = self.debian.get("dpkg", ("", ""))
        bits, machine = struct.calcsize("P") * 8, self.kernel_machine()
        if head[:4] == b"\x7fELF":
            bits = {1: 32, 2: 64}.get(head[4], bits)
            machine = MACHINES.get(struct.unpack("<H", head[18:20])[0], machine)
        if machine == "arm":
            machine = "armv6l" if self.kernel_machine().startswith("armv6") else "armv7l"
        libc, version = self._libc()
        return {
            "machine": machine,
            "bits": bits,
            "dpkg": architecture or None,
            "libc": libc,
            "libc_version": version,
        }

    def kernel_machine(self) -> str:
        """Tell what the kernel is made for."""
        return os.uname().machine if self.live else self.text("proc/sys/kernel/arch")

    def _libc(self) -> "tuple[str | None, str | None]":
        if self.find("lib/ld-musl-*"):
            return "musl", None
        name, version = "glibc", self.debian.get("libc6", ("", ""))[0]
        if self.live:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        return (name, version) if version else (None, None)

    def _debian(self) -> "dict[str, tuple[str, str]]":
        """Give version and architecture of the installed packages that matter here."""
        found = {}
        for entry in self.text("var/lib/dpkg/status").split("\n\n"):
            name = KNOWN_TO_DEBIAN.match(entry.lstrip("\n"))
            if name and " ok installed\n" in entry:
                fields = dict(re.findall(r"^(Version|Architecture): (.*)$", entry, re.M))
                version = re.sub(r"^\d+:|[-+~].*$", "", fields.get("Version", ""))
                found[name.group(1)] = (version, fields.get("Architecture", ""))
        return found


class Later(threading.Thread):
    """An answer that is waited for beside other things.

    Args:
        ask: gives it.
    """

    def __init__(self, ask: "Callable[[], Any]") -> None:
        super().__init__(daemon=True)
        self._ask = ask
        self._found: Any = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        try:
            self._found = self._ask()
        except Exception as error:
            self._error = error

    def get(self, limit_s: "float | None" = None, otherwise: "Any" = None) -> "Any":
        """Take the answer, or another one where it takes too long."""
        self.join(limit_s)
        if self._error is not None:
            raise self._error
        return otherwise if self.is_alive() else self._found


def exists(path: Path) -> bool:
    """Tell whether a path is there; one that we may not look at is not."""
    with contextlib.suppress(OSError):
        path.stat()
        return True
    return False


def link(path: Path) -> str:
    """Give the last part of what a link leads to; nothing for anything else."""
    with contextlib.suppress(OSError):
        return Path(os.readlink(str(path))).name  # noqa: PTH115 - 3.6 has no other
    return ""
