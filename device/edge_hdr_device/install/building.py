"""Make a release of a payload, beside what runs: verified, unpacked, with its environment."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from edge_hdr_device.install import archive as archives
from edge_hdr_device.install import environment, release, switch
from edge_hdr_device.install.index import (
    CONFIG,
    RUNTIME,
    WHEELS,
    Index,
    PayloadError,
)
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.release import Release
from edge_hdr_device.install.room import check_space, storage, sync
from edge_hdr_device.install.signers import add_keys, find_signer, told_of
from edge_hdr_device.install.telling import Teller
from edge_hdr_device.install.trying import plan_here, run_canary
from edge_hdr_device.storage import write_atomic

if TYPE_CHECKING:
    from edge_hdr_device.install.request import Request

ENVIRONMENT_BYTES = 50_000_000  # that a virtual environment takes beside its wheels
ROOM = 2  # times what is unpacked must be free


class Building:
    """A release in the making; as a context manager it holds the payload open.

    Attributes:
        index: of the payload; known once it was verified.
        folder: of the release: in work/, or among the releases if it is there already.
        fresh: whether the folder is made now.
        environment: key of its virtual environment.
        wanted_config: settings that came with it; None for none.
    """

    def __init__(self, request: Request, layout: Layout, tell: Teller) -> None:
        self._request, self._layout, self._tell = request, layout, tell
        self._archive: archives.Archive | None = None
        self._unreadable: PayloadError | None = None
        self.folder = Path()
        self.fresh = True
        self.environment = self._linked_before = ""
        self.wanted_config: bytes | None = None
        self._mended = False

    def __enter__(self) -> Building:
        try:  # while the files are there: they may lie in the work folder, which is swept
            self._archive = archives.Archive(self._request.payloads)
        except PayloadError as error:
            self._unreadable = error
        return self

    def __exit__(self, *error: object) -> None:
        if self._archive:
            self._archive.close()
        shutil.rmtree(self._layout.work, ignore_errors=True)

    @property
    def archive(self) -> archives.Archive:
        """Give the payload."""
        if self._archive is None:
            raise self._unreadable or PayloadError("no payload was opened", hint="give one")
        return self._archive

    @property
    def index(self) -> Index:
        """Give what the payload says of itself."""
        return self.archive.index

    @property
    def known_id(self) -> str | None:
        """Give the release's id, as soon as it is known."""
        return self._archive.index.id if self._archive else None

    @property
    def known_model(self) -> str | None:
        """Give the model's id, as soon as it is known."""
        return self._archive.index.model if self._archive else None

    @property
    def is_current(self) -> bool:
        """Tell whether what runs is this, to the byte and with the same environment."""
        same = switch.current_id(self._layout) == self.index.id and not self._mended
        return same and self._linked_before == self.environment

    def verify(self) -> None:
        """Open the payload and find out whether it may be installed.

        Raises:
            PayloadError: it is damaged, or not signed by a key that this board trusts.
        """
        with self._tell.step("verify") as step:
            added = self._request.trust
            key, is_new = find_signer(self.archive, self._layout, added)
            if added and is_new:
                names = ", ".join(one.named for one in add_keys(self._layout, added))
                step.note(f"from now on {self._layout.trusted} has {names}")
            signed = told_of(self.archive.signature, key)
            step.detail = f"{self.index.id}, {self.index.model}, {signed}"

    def unpack(self) -> None:
        """Write the members to a folder of their own; those that did not come, from this board.

        Raises:
            PayloadError: a member is damaged, or nobody has it.
            StorageError: there is no room.
        """
        with self._tell.step("unpack") as step:
            held = archives.held(self._layout)
            self._check_room()
            with storage(self._layout.work):
                self._layout.work.mkdir(exist_ok=True)
                self._layout.work.chmod(0o711)  # the service's user tries the settings in there
            runtime_bytes = self._unpack_runtime()
            place = self._layout.releases / self.index.id
            there = release.read(place)
            self.fresh = there is None
            self.folder = self._layout.work / self.index.id if there is None else place
            if there is None:
                shutil.rmtree(self.folder, ignore_errors=True)
                index = (self.index, self.archive.index_bytes, self.archive.signature)
                release.begin(self.folder, *index)
            else:
                self._linked_before = there.environment
                self._renew_signature()
            step.detail = self._unpack_members(held, runtime_bytes)
            self.wanted_config = Release(self.folder, self.index, {}).config()

    def make_environment(self) -> None:
        """Make or reuse the virtual environment.

        Raises:
            CheckFailedError: there is none for this system.
            DeviceStepError: it cannot be made.
        """
        with self._tell.step("environment") as step:
            plan = plan_here()
            self.environment = plan.key
            reused = environment.is_whole(self._layout.environments / plan.key)
            wheels = None if reused else self._wheels()
            environment.ensure(self._layout, plan, wheels, self._tell.pass_on)
            if self._linked_before != plan.key:
                release.use_environment(self.folder, plan.key)
            step.detail = f"reused {plan.key}" if reused else f"{plan.key}, {plan.interpreter}"

    def try_model(self) -> None:
        """Let the model read the golden digits, with this board's own interpreter.

        Raises:
            CheckFailedError: it reads them otherwise than on the host, too slowly, or crashes.
        """
        with self._tell.step("canary") as step:
            found = run_canary(self.folder, self._request.budget_ms)
            step.detail = f"{found['median_ms']:.2f} ms for ten digits"
            if found.get("right") is not None:
                step.detail += f", {found['right']} of {found['of']} right"

    def restore(self) -> None:
        """Give a release that was there before its old environment back."""
        if self._linked_before and not self.fresh:
            release.use_environment(self.folder, self._linked_before)

    def finish(self) -> Path:
        """Put the release among the others."""
        if not self.fresh:
            sync(self._layout.base)
            return self.folder
        return release.finish(self._layout, self.folder, self.index.id)

    def _check_room(self) -> None:
        members = self.index.members
        coming = [name for name in members if self.archive.has(name)]
        need_bytes = ROOM * sum(members[name].size_bytes for name in coming)
        if not environment.is_whole(self._layout.environments / plan_here().key):
            need_bytes += ENVIRONMENT_BYTES
        check_space(self._layout.base, need_bytes)

    def _unpack_runtime(self) -> int:
        """Unpack the device package unless it is here; gives the size of what was unpacked."""
        if (self._layout.runtimes / self.index.runtime).is_dir():
            return 0
        package = self._layout.work / RUNTIME
        self.archive.extract(RUNTIME, package)
        release.unpack_runtime(self._layout, package, self.index.runtime)
        package.unlink()
        return self.index.members[RUNTIME].size_bytes

    def _unpack_members(self, held: dict[str, Path], size_bytes: int) -> str:
        """Write what is not there as it should be; say how much that was, with what was before."""
        from_board = 0
        for name, member in release.files(self.index).items():
            if release.holds(self.folder / name, member):
                continue
            self.archive.extract(name, self._layout.work / name, held=held)
            with storage(self.folder / name):
                if name == CONFIG:
                    (self._layout.work / name).chmod(0o600)  # it may hold a camera's password
                (self._layout.work / name).replace(self.folder / name)
            self._mended = self._mended or not self.fresh
            from_board += not self.archive.has(name)
            size_bytes += member.size_bytes
        if not self.fresh and not self._mended:
            return f"{self.index.id} is here already"
        count = f"{from_board} member{'s' if from_board > 1 else ''}"
        share = f", {count} from this board" if from_board else ""
        return f"{size_bytes / 1e6:.2f} MB{share}"

    def _renew_signature(self) -> None:
        """Keep a signature that an earlier payload of the same content did not have."""
        if self.archive.signature:
            write_atomic(self.folder / "payload.json.sig", self.archive.signature + "\n")
            write_atomic(self.folder / "payload.json", self.archive.index_bytes)

    def _wheels(self) -> Path | None:
        if not any(self.archive.has(WHEELS + name) for name in self.index.wheels):
            return None
        folder = self._layout.work / "wheels"
        for name in self.index.wheels:
            self.archive.extract(WHEELS + name, folder / name)
        return folder
