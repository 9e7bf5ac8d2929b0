"""How a reader introduces itself to Home Assistant: one message that lists all its entities.

Source: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (Home Assistant
2024.12 or newer).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge_hdr_device import __version__
from edge_hdr_device.publish.mqtt_topics import Topics, slug

LONGEST_STATE = 255  # characters that Home Assistant keeps of a state


def discovery_topic(prefix: str, name: str) -> str:
    """Give the topic on which Home Assistant looks for a reader."""
    return f"{prefix}/device/{_identity(name)}/config"


def discovery(
    topics: Topics, name: str, *, regions: Sequence[str], qos: int, model: str = ""
) -> dict[str, Any]:
    """Describe the reader and its entities.

    Args:
        topics: where its messages go.
        name: of the reader, as people know it.
        regions: names of its regions of interest.
        qos: with which Home Assistant subscribes.
        model: name of the model that reads; empty leaves it out.

    Returns:
        The JSON-ready payload of the discovery message: a sensor for the reading of each region
        and one for its confidence, a sensor for trouble and one for the camera.
    """
    identity = _identity(name)
    entities = {
        **{key: body for region in regions for key, body in _sensors(topics, region, regions)},
        "problem": _problem(topics),
        "camera": _camera(topics),
    }
    for key, entity in entities.items():
        entity["unique_id"] = f"{identity}-{key}"
    return {
        "device": {
            "identifiers": [identity],
            "name": name,
            "manufacturer": "edge-hdr",
            "model": model or "digit reader",
            "sw_version": __version__,
        },
        "origin": {"name": "edge-hdr", "sw_version": __version__},
        "availability_topic": topics.availability,
        "qos": qos,
        "components": entities,
    }


def _identity(name: str) -> str:
    return f"edge-hdr-{slug(name)}"


def _sensors(
    topics: Topics, region: str, regions: Sequence[str]
) -> list[tuple[str, dict[str, Any]]]:
    """Describe the reading of a region, text because "007" is not 7, and its confidence."""
    suffix = f" {region}" if len(regions) > 1 else ""
    topic = topics.reading(region)
    reading = {
        "platform": "sensor",
        "name": f"Reading{suffix}",
        "icon": "mdi:counter",
        "state_topic": topic,
        "value_template": _while_it_stands(f"value_json.text[:{LONGEST_STATE}]"),
        "json_attributes_topic": topic,
    }
    confidence = {
        "platform": "sensor",
        "name": f"Confidence{suffix}",
        "entity_category": "diagnostic",
        "state_class": "measurement",
        "unit_of_measurement": "%",
        "state_topic": topic,
        "value_template": _while_it_stands("(value_json.confidence * 100) | round(1)"),
    }
    return [(f"reading-{slug(region)}", reading), (f"confidence-{slug(region)}", confidence)]


def _while_it_stands(value: str) -> str:
    """Give a template that is None, "unknown" to Home Assistant, while nothing stands announced."""
    return f"{{{{ {value} if value_json.change in ['announced', 'changed'] else None }}}}"


def _problem(topics: Topics) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": "Problem",
        "device_class": "problem",
        "entity_category": "diagnostic",
        "state_topic": topics.health,
        "value_template": "{{ 'OFF' if value_json.level == 'ok' else 'ON' }}",
        "json_attributes_topic": topics.health,
    }


def _camera(topics: Topics) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": "Camera",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": topics.health,
        "value_template": "{{ 'ON' if value_json.parts.camera.level == 'ok' else 'OFF' }}",
    }
