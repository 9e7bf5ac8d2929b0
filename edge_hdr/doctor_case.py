"""A board as the doctor sees it, and what it says of it."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from edge_hdr_device.install.requirements import EnvironmentPlan

Severity = Literal["forbids", "warns"]
Mode = Literal["system", "user"]
MEGA = 1_000_000
RELEASE_BYTES = 30 * MEGA
PACKAGE_BYTES = {  # unpacked, its wheel and its compiled modules included
    "numpy": 100 * MEGA,
    "opencv-python-headless": 170 * MEGA,
    "ai-edge-litert": 75 * MEGA,
    "tflite-runtime": 25 * MEGA,
}
OTHER_PACKAGE_BYTES = 3 * MEGA


@dataclass(frozen=True)
class Finding:
    """Something on a board that is not as it should be.

    Attributes:
        severity: "forbids" a deployment, or only "warns".
        subject: the row of the doctor's table that it is about.
        what: is wrong, one line.
        repair: the command, as this user types it on the board; words where no command repairs it.
    """

    severity: Severity
    subject: str
    what: str
    repair: str

    def to_dict(self) -> dict[str, str]:
        """Give it as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Case:
    """A board as a finding is made from.

    Attributes:
        facts: of `edge_hdr_device.install.probe`.
        plan: of its environment; None where nothing exists for this system.
        mode: of the deployment that would be made.
        now_s: the time here.
        target: how the board is called here; empty where it is not known.
    """

    facts: dict[str, Any]
    plan: EnvironmentPlan | None
    mode: Mode
    now_s: float
    target: str = ""

    @property
    def deployment(self) -> dict[str, Any]:
        """Give what edge-hdr has there; empty where it has nothing."""
        return dict(self.facts["edge_hdr"] or {})

    @property
    def rival(self) -> str | None:
        """Give the folder of another mode's installation that has a release; None for none."""
        there = self.deployment
        if not there or there["mode"] == self.mode:
            return there.get("other")
        return there["base"] if there["current"] else None

    @property
    def packages_to_get(self) -> tuple[str, ...]:
        """List the packages that have to be brought or fetched."""
        there = self.deployment
        has = there.get("mode") == self.mode and self.plan is not None
        if self.plan is None or (has and self.plan.key in there["environments"]):
            return ()
        return self.plan.requirements

    @property
    def needed_bytes(self) -> int:
        """Tell the space that a deployment takes."""
        names = [requirement.partition("==")[0] for requirement in self.packages_to_get]
        sizes = (PACKAGE_BYTES.get(name, OTHER_PACKAGE_BYTES) for name in names)
        return RELEASE_BYTES + sum(sizes)

    @property
    def is_pi(self) -> bool:
        """Tell whether it is a Raspberry Pi."""
        return "raspberry pi" in (self.facts["board"]["model"] or "").lower()

    @property
    def boot(self) -> str:
        """Name the folder of the firmware's files."""
        old = self.facts["system"]["codename"] in {"buster", "bullseye"}
        return "/boot" if old else "/boot/firmware"

    def as_root(self, command: str) -> str:
        """Spell a command that only root may run, as this user types it."""
        if self.facts["uid"] == 0:
            return command
        if self.facts["sudo"] == "none":
            return f"su -c {shlex.quote(command)}"
        return f"sudo {command}"

    def from_here(self, verb: str, *options: str) -> str:
        """Spell a command of edge-hdr's, as it is typed here, not on the board."""
        target = (shlex.quote(self.target),) if self.target else ()
        return " ".join(("edge-hdr", verb, *target, *options))

    def rebooting(self, command: str) -> str:
        """Spell a command of root's that takes effect at the next start."""
        return f"{self.as_root(command)} && {self.as_root('reboot')}"
