"""Nothing is undocumented: commands, options, exit codes, modules, classes, functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from edge_hdr.cli.app import app
from edge_hdr_device import errors

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = sorted(
    path
    for folder in (ROOT / "edge_hdr", ROOT / "device" / "edge_hdr_device")
    for path in folder.rglob("*.py")
)


def walk(command: Any, path: str = "edge-hdr") -> Iterator[tuple[str, Any]]:
    """Give each command and group with its words, as "edge-hdr data show"."""
    yield path, command
    for name, member in getattr(command, "commands", {}).items():
        yield from walk(member, f"{path} {name}")


COMMANDS = dict(walk(typer.main.get_command(app)))


def panels() -> set[str]:
    """Collect the headings under which `--help` groups options."""
    found = {
        getattr(option, "rich_help_panel", None)
        for command in COMMANDS.values()
        for option in command.params
    }
    return {panel for panel in found if panel}


def exit_codes() -> set[int]:
    """Collect the codes of the whole error tree, and those that no error class has."""
    found, waiting = {0, 130}, [errors.EdgeHdrError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.exit_code)
        waiting += kind.__subclasses__()
    return found


def section(text: str, heading: str) -> str:
    """Give what stands under a Markdown heading, up to the next one of its level or above."""
    match = re.search(rf"^(#+)[^\n]*{heading}[^\n]*$", text, re.IGNORECASE | re.MULTILINE)
    if match is None:
        return ""
    rest = text[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


@pytest.mark.parametrize("command", [name for name in COMMANDS if " " in name])
def test_the_readme_names_the_command(command: str) -> None:
    assert re.search(rf"{re.escape(command)}\b", README), f"README.md does not name `{command}`"


@pytest.mark.parametrize("panel", sorted(panels()))
def test_the_readme_names_the_group_of_options(panel: str) -> None:
    assert panel.lower() in README.lower(), f"README.md says nothing about {panel!r}"


@pytest.mark.parametrize("code", sorted(exit_codes()))
def test_the_readme_explains_the_exit_code(code: int) -> None:
    text = section(README, "exit codes?")
    assert text, "README.md has no section on exit codes"
    assert re.search(rf"(?<![\w.]){code}(?![\w.]*\d)", text), f"exit code {code} is not explained"


def test_the_exit_codes_are_the_designed_ones() -> None:
    assert exit_codes() == {0, 1, 2, 3, 4, 5, 6, 130}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help(command: str) -> None:
    assert COMMANDS[command].help
    silent = [
        option.name
        for option in COMMANDS[command].params
        if not getattr(option, "help", None) and option.name != "help"
    ]
    assert silent == []


@pytest.mark.parametrize(
    "command", [name for name, found in COMMANDS.items() if not hasattr(found, "commands")]
)
def test_every_command_speaks_json(command: str) -> None:
    options = [word for option in COMMANDS[command].params for word in option.opts]
    assert "--json" in options


def test_the_error_tree_is_drawn_with_its_codes() -> None:
    drawn = errors.__doc__ or ""
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and errors.EdgeHdrError in kind.__mro__[1:]:
            assert re.search(rf"\b{name} +{kind.exit_code} ", drawn), f"{name} is not in the tree"


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Name a module, its classes, and the public functions and methods that say nothing."""
    if not _says_something(tree):
        yield "module"
    waiting: list[ast.Module | ast.ClassDef] = [tree]
    while waiting:
        owner = waiting.pop()
        is_public = isinstance(owner, ast.Module) or not owner.name.startswith("_")
        for node in owner.body:
            if isinstance(node, ast.ClassDef):
                waiting.append(node)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            public = is_public and not node.name.startswith("_")
            if (public or isinstance(node, ast.ClassDef)) and not _says_something(node):
                yield f"{node.lineno}: {node.name}"


def _says_something(node: Any) -> bool:
    first = (ast.get_docstring(node) or "").partition("\n")[0]
    return first.endswith((".", ":"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_public_has_a_docstring(path: Path) -> None:
    assert list(undocumented(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_what_is_undocumented_is_found() -> None:
    tree = ast.parse(
        '"""A module."""\nclass A:\n    def f(self): ...\n    def _g(self): ...\n'
        'def h():\n    """Do it."""\nasync def i(): ...\n'
        'class _B:\n    """Private."""\n    def j(self): ...\n'
    )
    assert sorted(undocumented(tree)) == ["2: A", "3: f", "7: i"]
    assert list(undocumented(ast.parse("x = 1"))) == ["module"]


def test_a_section_ends_at_the_next_heading() -> None:
    text = "# T\n0\n## Exit codes\n1\n### More\n2\n## Next\n3\n"
    assert section(text, "exit codes?").split() == ["1", "###", "More", "2"]
    assert section("# T\n", "exit codes?") == ""
