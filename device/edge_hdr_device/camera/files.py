"""Pictures from files: a folder's, one after the other, or a single one."""

from __future__ import annotations

from pathlib import Path

from edge_hdr_device.camera.pace import Pace
from edge_hdr_device.camera.source import Picture, Source
from edge_hdr_device.errors import CameraError, ImageError
from edge_hdr_device.images import SUFFIXES, read_image

STILL_FPS = 5.0  # at which a single picture is given again


class Folder(Source):
    """The pictures of a folder in the order of their names, each read in its turn.

    Args:
        path: the folder; what is no picture by its name is passed over.
        fps: pictures a second at most; 0 is as fast as they are taken.
        loop: begin again at the end, with what lies in the folder then.
    """

    live = False
    unrelated = True

    def __init__(self, path: Path, *, fps: float = 0.0, loop: bool = False) -> None:
        self._path = path
        self._loop = loop
        self._pace = Pace(fps)
        self._waiting: list[Path] = []
        self._readable = False

    @property
    def description(self) -> str:
        """Name the folder."""
        return f"pictures in {self._path}"

    def open(self) -> None:
        """List the pictures."""
        self._waiting = self._list()
        self._readable = False
        self._pace.start()

    def read(self) -> Picture | None:
        """Read the next picture; ImageError where it cannot be read, and the next one then."""
        self._pace.wait()
        if not self._waiting:
            if not self._loop:
                return None
            if not self._readable:
                raise CameraError(
                    f"not one picture in {self._path} can be read",
                    hint="put pictures there that open elsewhere",
                )
            self._waiting, self._readable = self._list(), False
        path = self._waiting.pop(0)
        image = read_image(path)
        self._readable = True
        return Picture(image, name=path.name)

    def close(self) -> None:
        """End a wait for the next picture's time."""
        self._pace.stop()

    def _list(self) -> list[Path]:
        try:
            names = [path for path in self._path.iterdir() if path.suffix.lower() in SUFFIXES]
        except OSError as error:
            raise ImageError(
                f"cannot list {self._path}: {error.strerror or error}", hint="check the path"
            ) from error
        if not names:
            raise ImageError(
                f"there is no picture in {self._path}",
                hint=f"looked for {', '.join(sorted(SUFFIXES))}",
            )
        return sorted(names)


class Still(Source):
    """One picture, given once, or again and again as if a camera stood before it.

    Args:
        path: the picture.
        fps: times a second; 0 is five.
        loop: give it again and again.
    """

    def __init__(self, path: Path, *, fps: float = 0.0, loop: bool = False) -> None:
        self.live = loop
        self.unrelated = not loop
        self._path = path
        self._pace = Pace((fps or STILL_FPS) if loop else 0.0)
        self._picture: Picture | None = None

    @property
    def description(self) -> str:
        """Name the picture."""
        return f"picture {self._path}"

    def open(self) -> None:
        """Read the picture."""
        self._picture = Picture(read_image(self._path), name=self._path.name)
        self._pace.start()

    def read(self) -> Picture | None:
        """Give the picture; None the second time unless it loops."""
        self._pace.wait()
        picture = self._picture
        if not self.live:
            self._picture = None
        return picture

    def close(self) -> None:
        """End a wait for the next time."""
        self._pace.stop()
