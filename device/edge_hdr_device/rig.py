"""Put the runtime together from its settings, and exchange the parts whose settings change."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_hdr_device import __version__, released
from edge_hdr_device.camera.capture import Capture
from edge_hdr_device.camera.spec import make_source
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.delegates import Chosen, choose
from edge_hdr_device.errors import DependencyError, EdgeHdrError, StorageError
from edge_hdr_device.health import collect_parts
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.live import Live, Part
from edge_hdr_device.metrics import Metrics
from edge_hdr_device.observer import Observer
from edge_hdr_device.pipeline import Reader, Reading
from edge_hdr_device.publish.choose import build_outlets
from edge_hdr_device.publish.message import Message
from edge_hdr_device.publish.outlet import Outlet
from edge_hdr_device.results import Event
from edge_hdr_device.samples import Samples
from edge_hdr_device.settings import CameraConfig, RunConfig
from edge_hdr_device.system.board import Board
from edge_hdr_device.system.clock import Clock
from edge_hdr_device.writable import check_places

if TYPE_CHECKING:
    from edge_hdr_device.web.server import PageServer

logger = logging.getLogger("edge_hdr.rig")

STOP_S = 1.5  # all parts together


def load_reading(
    config: RunConfig, *, state: Path | None, unrelated: bool = False
) -> tuple[Observer, Chosen]:
    """Open the model and make what reads frames with it.

    Raises:
        ModelError, DependencyError, ConfigError: see `delegates.choose` and `Observer`.
    """
    import cv2

    cv2.setNumThreads(1)  # one frame is too small to share, and the other cores have work
    read = config.read
    model = released.find(read.model or None)
    chosen = choose(model, delegate=read.delegate, threads=read.threads, state=state)
    return Observer(Reader(chosen.classifier), read, unrelated=unrelated), chosen


def make_capture(config: CameraConfig) -> Capture:
    """Make the capture of a source; nothing is opened yet."""
    return Capture(config)


class Rig:
    """The parts of a running reader.

    Args:
        config: all settings.
        state: folder of what is remembered.
        live: what the page shows; its facts are filled in here.
        on_closed: called when nobody reads our standard output any more.

    Raises:
        ConfigError, ModelError, DependencyError: a part cannot be made.
    """

    def __init__(
        self, config: RunConfig, *, state: Path, live: Live, on_closed: Callable[[], None]
    ) -> None:
        self.config = config
        self.live = live
        self.clock, self.board, self.metrics = Clock(), Board(), Metrics()
        self._state, self._on_closed = state, on_closed
        self._uploads = _Uploads(self)
        self._page_missing = ""
        self.capture = make_capture(config.camera)
        self.observer, self.chosen = self._load(config)
        self.samples = Samples(config.samples, model_id=self.chosen.model_id)
        self.outlets = self._make_outlets(config, self.observer, self.chosen)
        self.tell_facts()
        self._page = self._make_page(config)

    @property
    def page_url(self) -> str:
        """Give the address of the live page; empty when it is off."""
        return self._page.url if self._page else ""

    @property
    def wants_frames(self) -> bool:
        """Tell whether an output takes the result of each frame."""
        return any("frame" in outlet.wants for outlet in self.outlets)

    def start(self) -> None:
        """Start every thread."""
        try:
            check_places(self.config)
        except StorageError as error:  # told now, not when the first line or crop is lost
            logger.warning("%s", error.message)
        for part in (*self.outlets, self.samples, self.capture, self._page):
            if part is not None:
                part.start()

    def stop(self) -> None:
        """Stop all parts at once; none may hold up the others."""
        _stop_all([self.capture, self._page, self.samples, *self.outlets])

    def parts(self) -> list[Part]:
        """Tell how every part does."""
        found = collect_parts(
            capture=self.capture.status,
            chosen=self.chosen,
            outlets=[outlet.status for outlet in self.outlets],
            samples=self.samples.part,
            clock=self.clock.part,
            board=self.board.part,
        )
        if complaints := self.observer.complaints:
            detail = "; ".join(complaints)
            found.append(Part("regions", "degraded", "not all are read", detail))
        if self._page_missing:
            found.append(Part("page", "degraded", "off", self._page_missing))
        elif self._page:
            found.append(self._page.part)
        return found

    def change(self, config: RunConfig) -> tuple[Event, ...]:
        """Take other settings: make every part that changes, then exchange them all.

        Returns:
            What is dropped of the readings that stood.

        Raises:
            EdgeHdrError: a new part cannot be made; everything is as before.
        """
        old, same = self.config, config.camera == self.config.camera
        read = None if same and config.read == old.read else self._load(config)
        observer, chosen = read or (self.observer, self.chosen)
        other_model = chosen.model_id != self.chosen.model_id
        samples = (
            Samples(config.samples, model_id=chosen.model_id)
            if config.samples != old.samples or other_model
            else None
        )
        outputs = (config.output, config.mqtt) != (old.output, old.mqtt)
        outputs = outputs or other_model or observer.regions != self.observer.regions
        outlets = self._make_outlets(config, observer, chosen) if outputs else None
        if config.web != old.web:
            self._exchange_page(config)
        self.config = config
        dropped: tuple[Event, ...] = ()
        if read:
            dropped = self.observer.lose(time.time(), self.live.frames)
            self.live.clear(dropped)
            self.observer, self.chosen = observer, chosen
        if not same:
            self.capture.stop()  # before the next opens: it may be the same camera
            self.capture = make_capture(config.camera)
            self.capture.start()
        self.tell_facts()
        if samples:
            self.samples.stop()
            self.samples = samples
            samples.start()
        if outlets is not None:
            self._exchange_outlets(outlets)
        return dropped

    def _load(self, config: RunConfig) -> tuple[Observer, Chosen]:
        unrelated = make_source(config.camera).unrelated
        return load_reading(config, state=self._state, unrelated=unrelated)

    def _make_outlets(self, config: RunConfig, observer: Observer, chosen: Chosen) -> list[Outlet]:
        return build_outlets(
            config, regions=observer.regions, model=chosen.model_id, on_closed=self._on_closed
        )

    def _exchange_outlets(self, outlets: list[Outlet]) -> None:
        """Publish to other outputs, and tell them first what stands."""
        _stop_all(self.outlets)
        self.outlets = outlets
        for outlet in outlets:
            outlet.start()
            for standing in self.observer.standing:
                event = Event("announced", standing, "", time.time(), standing.frame)
                outlet.offer(Message("reading", event.to_dict()))

    def _exchange_page(self, config: RunConfig) -> None:
        """Serve the page by other settings; by the old ones where those fail."""
        if self._page:
            self._page.stop()
        try:
            self._page = self._make_page(config)
        except EdgeHdrError:
            self._page = self._make_page(self.config)
            raise
        finally:
            if self._page:
                self._page.start()

    def _make_page(self, config: RunConfig) -> PageServer | None:
        if not config.web.enabled:
            return None
        from edge_hdr_device.web.app import make_app
        from edge_hdr_device.web.server import PageServer
        from edge_hdr_device.web.token import find_hash

        token = find_hash(config.web, self._state)
        self._page_missing = ""
        try:
            app = make_app(
                self.live,
                config.web,
                token_hash=token,
                read_upload=self._uploads.read,
                metrics=self.metrics,
            )
            return PageServer(app, config.web)
        except DependencyError as error:  # a reader without its page still reads
            self._page_missing = f"{error.message}: {error.hint}"
            logger.warning("no live page: %s", self._page_missing)
            return None

    def tell_facts(self) -> None:
        """Show model, delegate, board, and the camera by the name that it has by now."""
        manifest = self.chosen.classifier.manifest
        self.live.facts = {
            "version": __version__,
            "model": self.chosen.model_id,
            "variant": manifest.variant if manifest else "",
            "runtime": runtime_name(),
            "delegate": self.chosen.delegate,
            "threads": self.chosen.threads,
            "camera": self.capture.description,
            "board": self.board.model,
        }


class _Uploads:
    """Read pictures that visitors of the page send, with an interpreter of their own."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._reader: Reader | None = None

    def read(self, image: NDArray[np.uint8]) -> Reading:
        """Read a picture, uint8 (H, W) or (H, W, 3) BGR; one at a time."""
        with self._lock:
            path = self._rig.chosen.path
            if self._reader is None or path != self._path:
                delegate = self._rig.chosen.delegate
                self._reader = Reader(Classifier(path, delegate=delegate))
                self._path = path
            return self._reader.read(image)


def _stop_all(parts: Sequence[Capture | Outlet | Samples | PageServer | None]) -> None:
    """Stop parts side by side; what hangs is left behind after a while."""
    threads = [threading.Thread(target=part.stop, daemon=True) for part in parts if part]
    for thread in threads:
        thread.start()
    end_s = time.monotonic() + STOP_S
    for thread in threads:
        thread.join(max(0.0, end_s - time.monotonic()))
