"""The topics of a reader on an MQTT broker; `mqtt` says what is published there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_hdr_device.publish.message import Message

ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True)
class Topics:
    """Where the messages of one reader go.

    Attributes:
        root: what all of them begin with, as "edge-hdr/kitchen".
    """

    root: str

    @property
    def availability(self) -> str:
        """Give the topic that says whether the reader is there."""
        return f"{self.root}/availability"

    @property
    def health(self) -> str:
        """Give the topic of the health of all parts."""
        return f"{self.root}/health"

    def reading(self, region: str) -> str:
        """Give the topic of what stands announced in a region."""
        return f"{self.root}/reading/{level(region)}"

    def place(self, message: Message) -> tuple[str, bool]:
        """Give the topic of a message, and whether the broker keeps it as the newest state."""
        if message.kind == "health":
            return self.health, True
        if message.kind == "frame":
            return f"{self.root}/frame", False
        region = str(message.body.get("region"))
        if message.body.get("change") == "implausible":  # it changes nothing of what stands
            return f"{self.root}/implausible/{level(region)}", False
        return self.reading(region), True


def level(name: str) -> str:
    """Write a name as one level of a topic: without "/", and without the wildcards + and #."""
    return re.sub(r"[/+#\x00-\x1f\x7f]+", "_", name) or "_"


def slug(name: str) -> str:
    """Write a name with letters, digits, "_" and "-" alone, as identifiers want it."""
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", name) or "_"
