"""Make the outputs that the settings ask for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_hdr_device.publish.file import FileOutlet
from edge_hdr_device.publish.message import Kind
from edge_hdr_device.publish.mqtt import MqttOutlet
from edge_hdr_device.publish.outlet import Outlet
from edge_hdr_device.publish.stream import StdoutOutlet
from edge_hdr_device.settings import RunConfig

WANTS: dict[str, frozenset[Kind]] = {
    "readings": frozenset({"reading"}),
    "frames": frozenset({"frame"}),
}


def build_outlets(
    config: RunConfig,
    *,
    regions: Sequence[str] = ("frame",),
    model: str = "",
    on_closed: Callable[[], None] = lambda: None,
) -> list[Outlet]:
    """Make the outputs; none is opened or started.

    Args:
        config: all settings.
        regions: names of the regions of interest.
        model: name of the model that reads.
        on_closed: called from another thread when nobody reads our standard output any more.

    Returns:
        Those of standard output, file and MQTT that are wanted, in this order.

    Raises:
        ConfigError: the credentials, a certificate or a topic of `[mqtt]` cannot be used.
        DependencyError: MQTT is wanted and paho-mqtt is missing.
    """
    output = config.output
    outlets: list[Outlet] = []
    # without a standard output, another file may have got its number
    if output.stdout != "none" and sys.__stdout__ is not None:
        outlets.append(StdoutOutlet(wants=WANTS[output.stdout], on_closed=on_closed))
    if output.file:
        outlets.append(
            FileOutlet(
                Path(output.file).expanduser(),
                wants=WANTS[output.file_content],
                max_bytes=output.file_bytes,
                keep=output.file_keep,
            )
        )
    if config.mqtt.host:
        outlets.append(MqttOutlet(config.mqtt, regions=regions, model=model))
    return outlets
