"""What on a board stands in the way of a deployment, or of reading digits, and what repairs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edge_hdr.doctor_case import MEGA, Case, Finding

LEAST_MEMORY_BYTES = 256 << 20
LEAST_CMA_BYTES = 128 << 20  # for the buffers of a CSI camera
SMALL_BYTES = 1 << 30  # a board with no more memory than this may have been given little CMA
HOT_C = 80.0
CLOCK_S = 300.0
NAME = "edge-hdr-device"
FLAG_REPAIRS = {
    "under-voltage": "use the power supply made for this board and a short cable",
    "soft temperature limit": "cool the board",
}

Check = Callable[[Case], Iterator[Finding]]


def diagnose(case: Case) -> list[Finding]:
    """Find everything, what forbids a deployment first."""
    found = [finding for check in CHECKS for finding in check(case)]
    return sorted(found, key=lambda finding: finding.severity != "forbids")


def _space(case: Case) -> Iterator[Finding]:
    place = case.facts["disk"]["system" if case.mode == "system" else "home"]
    if place["read_only"]:
        repair = case.as_root(f"mount -o remount,rw {place['path']}")
        yield Finding("forbids", "disk", f"{place['path']} is mounted read-only", repair)
    elif place["free_bytes"] < case.needed_bytes:
        need, free = _megabytes(case.needed_bytes), _megabytes(place["free_bytes"])
        yield Finding(
            "forbids",
            "disk",
            f"{need} are needed in {place['path']}, {free} are free",
            case.as_root("apt clean"),
        )
    elif place["kind"] == "overlay" and case.is_pi:
        repair = case.rebooting("raspi-config nonint do_overlayfs 1")
        yield Finding("warns", "disk", "the overlay forgets everything at the next start", repair)


def _packages(case: Case) -> Iterator[Finding]:
    if not case.packages_to_get:
        return
    python = case.facts["python"]
    if not (python["venv"] or python["pip"]):
        repair = case.as_root("apt install -y python3-venv")
        yield Finding("forbids", "Python", "it has no pip, and none for environments", repair)


def _board(case: Case) -> Iterator[Finding]:
    board = case.facts["board"]
    for words, when in ((board["throttled"], "now"), (board["throttled_before"], "before")):
        for word in words or ():
            repair = FLAG_REPAIRS.get(word, "give it more power or cooling: vcgencmd get_throttled")
            yield Finding("warns", "power", f"{word} {when}", repair)
        if words:
            break  # what was before is of no interest beside what is now
    if (board["temperature_c"] or 0) > HOT_C:
        hot = f"the processor has {board['temperature_c']:.0f} °C"
        yield Finding("warns", "temperature", hot, "cool the board")


def _memory(case: Case) -> Iterator[Finding]:
    memory = case.facts["memory"]
    if (memory["total_bytes"] or LEAST_MEMORY_BYTES) < LEAST_MEMORY_BYTES:
        what = f"{memory['total_bytes'] >> 20} MiB in all is little"
        repair = case.rebooting("systemctl set-default multi-user.target")
        yield Finding("warns", "memory", what, repair)
    if not memory["limits"]:
        repair = case.rebooting(f"sed -i '1s/$/ cgroup_enable=memory/' {case.boot}/cmdline.txt")
        what = "the kernel cannot limit the memory of a service"
        yield Finding("warns", "memory", what, repair)


def _clock(case: Case) -> Iterator[Finding]:
    clock = case.facts["clock"]
    off_s = clock["time_s"] - case.now_s
    if abs(off_s) > CLOCK_S:
        what = f"it is {abs(off_s) / 60:.0f} minutes {'fast' if off_s > 0 else 'slow'}"
        yield Finding("warns", "clock", what, case.as_root(f"date -s @{case.now_s:.0f}"))
    if clock["synchronized"] is False:
        kept = "systemctl restart systemd-timesyncd"
        command = kept if clock["kept"] else "timedatectl set-ntp true"
        yield Finding("warns", "clock", "nothing keeps it right", case.as_root(command))


def _cameras(case: Case) -> Iterator[Finding]:
    facts = case.facts
    csi = [camera for camera in facts["cameras"] if camera["kind"] == "csi"]
    if not facts["cameras"]:
        yield Finding("warns", "cameras", "there is none", _find_camera(case))
    if csi and not facts["packages"]["picamera2"]:
        repair = case.as_root("apt install -y --no-install-recommends python3-picamera2")
        yield Finding("warns", "cameras", "picamera2 is missing, which reads csi:0", repair)
    cma, memory = facts["cma_bytes"], facts["memory"]["total_bytes"] or SMALL_BYTES
    if csi and cma is not None and cma < LEAST_CMA_BYTES and memory <= SMALL_BYTES:
        change = "s/^dtoverlay=vc4-kms-v3d.*/dtoverlay=vc4-kms-v3d,cma-128/"
        repair = case.rebooting(f"sed -i '{change}' {case.boot}/config.txt")
        what = f"{cma >> 20} MiB are little for a CSI camera"
        yield Finding("warns", "CMA", what, repair)


def _find_camera(case: Case) -> str:
    if not case.is_pi:
        return "plug one into USB, and look for it: lsusb"
    if case.facts["detects_cameras"] is False:
        change = case.rebooting(f"tee -a {case.boot}/config.txt")
        return f"echo camera_auto_detect=1 | {change}"
    return "seat the cable at both ends, and look for it: rpicam-hello --list-cameras"


def _rights(case: Case) -> Iterator[Finding]:
    facts = case.facts
    if case.mode == "system":
        return
    if facts["cameras"] and "video" not in facts["groups"] and facts["uid"]:
        repair = case.as_root(f"usermod -aG video {facts['user']}")
        what = "no camera may be used before the user is in the group video and logs in again"
        yield Finding("warns", "user", what, repair)
    if facts["sudo"] == "none":
        what = "there is no sudo, so it becomes a service of the user"
        yield Finding("warns", "rights", what, "log in as root to make it the system's")
    if facts["sudo"] == "password":
        what = "sudo asks for a password, so it becomes a service of the user"
        command = case.from_here("deploy", "--ask-sudo-password")
        yield Finding("warns", "rights", what, f"{command} makes it the system's")


def _service(case: Case) -> Iterator[Finding]:
    if not case.facts["systemd"]["running"]:
        what = "it does not run here, so nothing starts the reader by itself"
        yield Finding("warns", "systemd", what, f"once it is deployed: {NAME} run")


def _coral(case: Case) -> Iterator[Finding]:
    coral = case.facts["coral"]
    if (coral["usb"] or coral["pci"]) and not coral["library"]:
        repair = case.as_root("apt install -y libedgetpu1-std")
        yield Finding("warns", "Coral", "libedgetpu is missing, which drives it", repair)


def _deployment(case: Case) -> Iterator[Finding]:
    there = case.deployment
    if not there:
        return
    control = "systemctl --user" if there["mode"] == "user" else case.as_root("systemctl")
    settle = f"{there['base']}/settle"
    if there["held"]:
        by, since = (there["held"][name] or "unknown" for name in ("by", "since"))
        what = f"a deployment is at work: {by}, since {since}"
        yield Finding("warns", "edge-hdr", what, "wait for it to end")
    elif there["trial"]:
        undo = settle if there["mode"] == "user" else case.as_root(settle)
        what = "a deployment was cut off on trial; the next one undoes it first"
        yield Finding("warns", "edge-hdr", what, f"{undo} && {control} restart {NAME}")
    if there["service"] == "failed":
        journal = control.replace("systemctl", "journalctl")
        yield Finding("warns", "edge-hdr", "its service failed", f"{journal} -u {NAME} -n 50")


def _rival(case: Case) -> Iterator[Finding]:
    """Tell of an installation of the other mode, which stays beside the one to be made."""
    if not case.rival:
        return
    if case.mode == "user":
        whose = "root's"
        stop = case.as_root(f"systemctl disable --now {NAME}")
        if case.facts["sudo"] in {"root", "free"}:
            stop = case.from_here("undeploy")
    else:
        whose, stop = "a user's own", f"systemctl --user disable --now {NAME}"
    yield Finding(
        "warns",
        "edge-hdr",
        f"{whose} installation in {case.rival} wants the same camera and port of the page",
        f"end the other first: {stop}; or set another camera.source and web.port",
    )


def _megabytes(size: int) -> str:
    return f"{size / MEGA:.0f} MB"


CHECKS: tuple[Check, ...] = (
    *(_space, _packages, _board, _memory, _clock),
    *(_cameras, _rights, _service, _coral, _deployment, _rival),
)
