"""A real RTSP server, GStreamer's own: run by the system's Python, which has its bindings."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import Any

PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
)
PATH, USER, PASSWORD = "/cam", "me", "secret"
PICTURES = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,"
    "framerate=20/1 ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"
)


def missing() -> str:
    """Say what keeps the server from running here; empty where nothing does."""
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None:
        return "there is no system Python"
    check = [python, __file__, "check"]
    if subprocess.run(check, capture_output=True, check=False, timeout=60).returncode:
        return f"GStreamer's RTSP server is not installed: apt install {PACKAGES}"
    return ""


class RtspCamera:
    """A camera that can be switched off and on again at the same address; a context manager."""

    def __init__(self, *, locked: bool = False) -> None:
        self.port = 0
        self._locked = locked
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RtspCamera:
        self.come_back()
        return self

    def __exit__(self, *error: object) -> None:
        self.cut()

    def url(self, user: str = "") -> str:
        return f"rtsp://{user}{'@' if user else ''}127.0.0.1:{self.port}{PATH}"

    def come_back(self) -> None:
        arguments = ["serve", str(self.port), "locked" if self._locked else "open"]
        self._process = subprocess.Popen(
            ["/usr/bin/python3", __file__, *arguments], stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, env={**os.environ, "NO_AT_BRIDGE": "1"},
        )  # fmt: skip
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def freeze(self) -> None:
        """Keep the connection and send nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def cut(self) -> None:
        """Be switched off."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.communicate()


def serve(port: str, locked: bool) -> None:
    """Serve until killed; the port is printed."""
    gst, rtsp, transport, glib = bindings()
    gst.init(None)
    server = rtsp.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = rtsp.RTSPMediaFactory()
    factory.set_launch(PICTURES)
    factory.set_shared(True)
    factory.set_protocols(transport.RTSPLowerTrans.TCP)  # and no other
    if locked:
        auth, token = rtsp.RTSPAuth(), rtsp.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_basic(rtsp.RTSPAuth.make_basic(USER, PASSWORD), token)
        server.set_auth(auth)
        roles = rtsp.RTSPPermissions()
        roles.add_permission_for_role("user", "media.factory.access", True)
        roles.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(roles)
    server.get_mount_points().add_factory(PATH, factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    glib.MainLoop().run()


def bindings() -> Any:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtsp", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

    return Gst, GstRtspServer, GstRtsp, GLib


if __name__ == "__main__":
    if sys.argv[1] == "check":
        gst, *_ = bindings()
        gst.init(None)
        sys.exit(not all(gst.ElementFactory.find(name) for name in ("jpegenc", "rtpjpegpay")))
    serve(sys.argv[2], sys.argv[3] == "locked")
