"""Whether a board reaches the package index that its pip is set up for.

It is sent to boards as a script with the probe, and runs on Python 3.6: hence quoted annotations.
"""

import configparser
import contextlib
import http.client
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from edge_hdr_device.install.probe_place import Place

DEFAULT = "pip/_internal/models/index.py"  # of pip: has the address that it takes by default
WHEEL = "usr/share/python-wheels/pip-*.whl"  # Debian's, that environments get
CONNECT_S = 2.0
ANSWERS = (401, 404)  # it is there: it wants a password, or lists pip under another name


def reach_index(place: Place) -> "dict[str, Any]":
    """Ask the index for a page, by the same address, proxy and authorities as pip.

    Returns:
        `index` is null where it cannot be told; `detail` says why.
    """
    settings = _settings(place)
    if settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        return {"index": None, "detail": "pip is set up to use no index"}
    address = settings.get("index-url") or _default(place)
    if address is None:
        return {"index": None, "detail": "there is no pip to tell the index"}
    parts = urllib.parse.urlsplit(address)
    host = parts.hostname or parts.path
    if parts.scheme == "file":
        return {"index": Path(parts.path).is_dir(), "detail": parts.path}
    where = parts.netloc.rpartition("@")[2]  # what stands before may be a password
    page = parts._replace(netloc=where, path=parts.path.rstrip("/") + "/pip/").geturl()
    try:
        with _opener(settings, host).open(page, timeout=CONNECT_S):
            return {"index": True, "detail": host + " answers"}
    except urllib.error.HTTPError as error:
        return {"index": error.code in ANSWERS, "detail": f"{host} answers {error.code}"}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return {"index": False, "detail": f"{host}: {getattr(error, 'reason', error)}"}


def _opener(settings: "dict[str, str]", host: str) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cafile=settings.get("cert") or None)
    if host in settings.get("trusted-host", "").split():
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    proxy = settings.get("proxy")
    proxies = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    return urllib.request.build_opener(proxies, urllib.request.HTTPSHandler(context=context))


def _settings(place: Place) -> "dict[str, str]":
    """Read pip's files and variables, which overrule the files."""
    files = [place.root / name for name in ("etc/xdg/pip/pip.conf", "etc/pip.conf")]
    files += [place.home / name for name in (".pip/pip.conf", ".config/pip/pip.conf")]
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser(strict=False)
        with contextlib.suppress(OSError, ValueError, configparser.Error):
            parser.read(str(file), encoding="utf-8")
        for section in ("global", "install"):
            found.update(parser.items(section) if parser.has_section(section) else [])
    for name, value in os.environ.items() if place.live else []:
        if name.startswith("PIP_"):
            found[name[len("PIP_") :].lower().replace("_", "-")] = value
    return found


def _default(place: Place) -> "str | None":
    """Take the address from pip itself."""
    for folder in place.folders():
        with contextlib.suppress(OSError):
            return _address((folder / DEFAULT).read_text(encoding="utf-8"))
    for wheel in place.find(WHEEL) + sorted(place.library.glob("ensurepip/_bundled/pip-*.whl")):
        with contextlib.suppress(OSError, KeyError, zipfile.BadZipFile):
            archive = zipfile.ZipFile(str(wheel))
            with archive:
                return _address(archive.read(DEFAULT).decode())
    return None


def _address(text: str) -> "str | None":
    found = re.search(r"^PyPI = PackageIndex\(\s*[\"']([^\"']+)", text, re.M)
    return found.group(1).rstrip("/") + "/simple" if found else None
