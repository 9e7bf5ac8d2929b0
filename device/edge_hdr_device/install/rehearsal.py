"""Say what an installation would do, and do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_hdr_device.install import archive as archives
from edge_hdr_device.install import environment, release, switch
from edge_hdr_device.install.index import CONFIG, RUNTIME, is_wheel
from edge_hdr_device.install.layout import Layout
from edge_hdr_device.install.signers import find_signer, told_of
from edge_hdr_device.install.systemd import Systemd
from edge_hdr_device.install.trying import plan_here

if TYPE_CHECKING:
    from edge_hdr_device.install.request import Request


def rehearse(request: Request, layout: Layout) -> dict[str, Any]:
    """Verify a payload and say what each step would do; nothing is written.

    Returns:
        JSON-ready: what the payload is, what runs now, and a line for each step.

    Raises:
        EdgeHdrError: the payload could not be installed here.
    """
    with archives.Archive(request.payloads) as archive:
        signer, _ = find_signer(archive, layout, request.trust)
        signed = told_of(archive.signature, signer)
        held = archives.held(layout)
        index = archive.index
        for name, member in index.members.items():
            if archive.has(name):
                archive.check(name)
            elif member.sha256 not in held and not is_wheel(name):
                archive.check(name)  # which says what is missing
        coming = [name for name in index.members if archive.has(name)]
        size = sum(index.members[name].size_bytes for name in coming)
    plan = plan_here()
    there = environment.is_whole(layout.environments / plan.key)
    running = switch.current_id(layout)
    has_service = request.service and Systemd(layout.mode).is_there()
    known = release.read(layout.releases / index.id) is not None
    wheels = sum(is_wheel(name) for name in coming)
    service = f"watch it for {request.window_s:g} s" if has_service else "nothing: no service"
    return {
        **{key: value for key, value in index.to_dict().items() if key != "members"},
        "mode": layout.mode,
        "base": str(layout.base),
        "running": running,
        "signed_by": signer.fingerprint if signer else None,
        "steps": {
            "verify": f"{len(coming)} members, {size / 1e6:.1f} MB; {signed}",
            "unpack": f"{index.id} is here already" if known else str(layout.releases / index.id),
            "environment": f"reuse {plan.key}"
            if there
            else f"make {plan.key} from {f'{wheels} wheels' if wheels else 'the package index'}",
            "canary": f"at most {request.budget_ms:g} ms for ten digits",
            "settings": _settings(layout, brings=CONFIG in index.members),
            "switch": "nothing: it runs"
            if running == index.id
            else f"{running or 'nothing'} → {index.id}",
            "restart": "start the service" if has_service else "nothing: no service",
            "health": service,
            "prune": f"keep {request.keep} releases",
        },
        "runtime": "reused" if index.members[RUNTIME].sha256 in held else "new",
    }


def _settings(layout: Layout, *, brings: bool) -> str:
    there = layout.config.is_file()
    if brings:
        return f"those of the payload{', the old ones are kept' if there else ''}"
    return f"{layout.config} stays" if there else f"an empty {layout.config}"
