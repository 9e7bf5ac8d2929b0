"""The device's command and settings are documented in its own README."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from edge_hdr_device.cli.app import COMMANDS, parser
from edge_hdr_device.cli.run import FLAGS
from edge_hdr_device.config import CHOICES, RANGES, names

README = (Path(__file__).parents[2] / "device" / "README.md").read_text(encoding="utf-8")
OWN = {"--roi", "--no-gate", "--no-page", "--size", "--set", "--config", "--once", "--frames"}


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (
        action.choices
        for action in parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(found)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_the_command(command: str) -> None:
    assert re.search(rf"edge-hdr-device {command}\b", README)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help(command: str) -> None:
    found = commands()[command]
    assert found.description
    assert [action.dest for action in found._actions if not action.help] == []
    assert "--json" in found._option_string_actions


@pytest.mark.parametrize("flag", sorted(OWN))
def test_the_readme_explains_the_flags_that_are_no_setting(flag: str) -> None:
    assert flag in README


def test_every_flag_is_a_setting_and_every_setting_is_in_the_readme() -> None:
    known = set(names())
    assert {setting for flags in FLAGS.values() for _, setting, _ in flags} <= known
    assert set(CHOICES) | set(RANGES) <= known
    assert [name for name in known if f"`{name}`" not in README] == []
