"""The rules between the project's rooms, read from the source itself."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {"edge_hdr": ROOT, "edge_hdr_device": ROOT / "device"}

TENSORFLOW = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization"}
HEAVY = TENSORFLOW | {"cv2", "matplotlib", "sklearn", "scipy", "jinja2", "rich", "flatbuffers"}
DEVICE_ALWAYS = {*sys.stdlib_module_names, "numpy", "edge_hdr_device"}
DEVICE_IN_FUNCTIONS = {"cv2", "ai_edge_litert", "tflite_runtime", "picamera2", "libcamera"} | {
    "paho", "starlette", "uvicorn", "prometheus_client"
}  # fmt: skip
NOBODY = {"device", "models", "benchmarks", "scripts", "tests"}
REMOTE_PROGRAMS = {"ssh", "scp", "sftp", "rsync", "ssh-keyscan", "ssh-keygen"}
STREAMS = {"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"}
FORBIDDEN_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 60


@dataclass(frozen=True)
class Module:
    """A module's dotted name and its source."""

    name: str
    source: str
    is_package: bool = False

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)


@dataclass(frozen=True)
class Import:
    """One imported name; `deferred` when it is not imported along with the module itself."""

    target: str
    line: int
    deferred: bool

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]


def modules() -> list[Module]:
    result = []
    for package, base in SOURCES.items():
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            result.append(Module(name, path.read_text(encoding="utf-8"), is_package))
    return result


def imports(module: Module) -> Iterator[Import]:
    yield from _imports(module, module.tree, deferred=False)


def _imports(module: Module, node: ast.AST, *, deferred: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        inside = deferred or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, deferred) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = _absolute(module, child)
            yield Import(base, child.lineno, deferred)
            for alias in child.names:
                yield Import(f"{base}.{alias.name}", child.lineno, deferred)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for part in child.body:
                yield from _imports(module, ast.Module([part], []), deferred=True)
            for part in child.orelse:
                yield from _imports(module, ast.Module([part], []), deferred=deferred)
        else:
            yield from _imports(module, child, deferred=inside)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    drop = node.level - 1 if module.is_package else node.level
    parts = module.name.split(".")
    return ".".join([*parts[: len(parts) - drop], *([node.module] if node.module else [])])


def in_room(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def may_use_tensorflow(name: str) -> bool:
    if in_room(name, "edge_hdr.architectures", "edge_hdr.compress"):
        return True
    # augmentation is part of the training graph; the other two take a float model's gradients
    if name in {
        "edge_hdr.data.augment",
        "edge_hdr.explain.gradients",
        "edge_hdr.robustness.adversarial",
    }:
        return True
    package, _, stem = name.rpartition(".")
    return package == "edge_hdr" and (
        stem in {"training", "export"} or stem.startswith(("training_", "export_", "distillation"))
    )


def device_imports_little(module: Module) -> Iterator[str]:
    if not in_room(module.name, "edge_hdr_device"):
        return
    for item in imports(module):
        deferred = item.deferred and item.top in DEVICE_IN_FUNCTIONS
        if item.top not in DEVICE_ALWAYS and not deferred:
            yield f"{item.line}: a device module imports {item.target}"


def nobody_imports_folders(module: Module) -> Iterator[str]:
    for item in imports(module):
        if item.top in NOBODY:
            yield f"{item.line}: imports {item.target}, a folder that is no package"


def tensorflow_stays_in_its_rooms(module: Module) -> Iterator[str]:
    if may_use_tensorflow(module.name):
        return
    for item in imports(module):
        if item.top in TENSORFLOW:
            yield f"{item.line}: imports {item.target} outside the rooms of TensorFlow"


def heavy_imports_are_deferred(module: Module) -> Iterator[str]:
    allowed = TENSORFLOW if may_use_tensorflow(module.name) else set()
    for item in imports(module):
        if item.top in HEAVY - allowed and not item.deferred:
            yield f"{item.line}: imports {item.target} along with the module"


def screens_stay_in_the_cli(module: Module) -> Iterator[str]:
    for item in imports(module):
        if item.top in {"typer", "rich", "click"} and not in_room(module.name, "edge_hdr.cli"):
            yield f"{item.line}: imports {item.target} outside edge_hdr.cli"
        if item.top == "picamera2" and not in_room(module.name, "edge_hdr_device.camera"):
            yield f"{item.line}: imports picamera2 outside edge_hdr_device.camera"


def library_code_never_prints(module: Module) -> Iterator[str]:
    speaks = ("edge_hdr.cli", "edge_hdr_device.cli", "edge_hdr_device.publish")
    nodes = list(ast.walk(module.tree))
    flushed = [
        node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == "flush"
    ]
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "pprint"}:
            yield f"{node.lineno}: calls {ast.unparse(node.func)}"
        stream = isinstance(node, ast.Attribute) and ast.unparse(node) in STREAMS
        if stream and node not in flushed and not in_room(module.name, *speaks):
            yield f"{node.lineno}: uses {ast.unparse(node)}"


def ssh_stays_in_transport(module: Module) -> Iterator[str]:
    if module.name == "edge_hdr.transport":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and node.value in REMOTE_PROGRAMS:
            yield f"{node.lineno}: names the program {node.value} outside transport"


def modules_have_one_subject(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines >= MAX_MODULE_LINES:
        yield f"1: has {lines} lines, {MAX_MODULE_LINES} or more"
    if forbidden := FORBIDDEN_NAMES & set(module.name.split(".")):
        yield f"1: is called {forbidden.pop()}, which names no subject"


def functions_are_short(module: Module) -> Iterator[str]:
    """Count from `def` to the last line, less the docstring.

    The signature of a command is a table of its options, so in the CLI only the body counts.
    """
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        first = body[0].lineno if body else node.lineno
        length = (node.end_lineno or first) - first + 1
        if not in_room(module.name, "edge_hdr.cli"):
            length += node.body[0].lineno - node.lineno
        if body and length > MAX_FUNCTION_LINES:
            yield f"{node.lineno}: {node.name} has {length} lines, over {MAX_FUNCTION_LINES}"


Rule = Callable[[Module], Iterator[str]]
RULES: list[Rule] = [
    device_imports_little,
    nobody_imports_folders,
    tensorflow_stays_in_its_rooms,
    heavy_imports_are_deferred,
    screens_stay_in_the_cli,
    library_code_never_prints,
    ssh_stays_in_transport,
    modules_have_one_subject,
    functions_are_short,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    offences = [f"{module.name}:{text}" for module in modules() for text in rule(module)]
    assert offences == []


def test_importing_a_module_never_starts_tensorflow() -> None:
    """Follow what each module outside TensorFlow's rooms imports along with itself."""
    known = {module.name: module for module in modules()}
    along = {
        name: {item.target for item in imports(module) if not item.deferred}
        for name, module in known.items()
    }
    offences = []
    for name in known:
        reached, waiting = set(), [name]
        while waiting and not may_use_tensorflow(name):
            here = waiting.pop()
            parents = {here.rpartition(".")[0]} if "." in here else set()
            if here not in reached:
                reached.add(here)
                waiting += sorted((along.get(here, set()) | parents) - reached)
        offences += [f"{name} starts {top}" for top in sorted(TENSORFLOW & reached)]
    assert offences == []


@pytest.mark.parametrize("package", SOURCES)
def test_the_packages_were_found(package: str) -> None:
    names = [module.name for module in modules()]
    assert package in names
    assert len([name for name in names if in_room(name, package)]) > 5


LONG = "def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES
OFFENCES: list[tuple[Rule, str, str]] = [
    (device_imports_little, "edge_hdr_device.x", "import edge_hdr"),
    (device_imports_little, "edge_hdr_device.x", "def f():\n    from edge_hdr import build"),
    (device_imports_little, "edge_hdr_device.x", "def f():\n    import tensorflow"),
    (device_imports_little, "edge_hdr_device.x", "import cv2"),
    (device_imports_little, "edge_hdr_device.x", "if True:\n    from cv2 import resize"),
    (nobody_imports_folders, "edge_hdr.x", "def f():\n    import device.edge_hdr_device"),
    (nobody_imports_folders, "edge_hdr.x", "from scripts import release"),
    (tensorflow_stays_in_its_rooms, "edge_hdr.evaluate", "def f():\n    import tf_keras"),
    (tensorflow_stays_in_its_rooms, "edge_hdr.cli.training", "import tensorflow as tf"),
    (tensorflow_stays_in_its_rooms, "edge_hdr.data.export", "import tensorflow as tf"),
    (heavy_imports_are_deferred, "edge_hdr.report.figures", "import matplotlib.pyplot as plt"),
    (heavy_imports_are_deferred, "edge_hdr.training", "import cv2"),
    (heavy_imports_are_deferred, "edge_hdr.cli.x", "class A:\n    from rich import box"),
    (screens_stay_in_the_cli, "edge_hdr.build", "def f():\n    import rich.progress"),
    (screens_stay_in_the_cli, "edge_hdr_device.web", "def f():\n    import picamera2"),
    (library_code_never_prints, "edge_hdr.build", "print('done')"),
    (library_code_never_prints, "edge_hdr.cli.x", "print('done')"),
    (library_code_never_prints, "edge_hdr.build", "import sys\nsys.stdout.write('done')"),
    (ssh_stays_in_transport, "edge_hdr.deploy", "run(['ssh', host])"),
    (modules_have_one_subject, "edge_hdr.data.utils", ""),
    (modules_have_one_subject, "edge_hdr.x", "x = 1\n" * MAX_MODULE_LINES),
    (functions_are_short, "edge_hdr.x", LONG),
    (functions_are_short, "edge_hdr.cli.x", LONG + "    y = 2\n"),
]
FINE: list[tuple[Rule, str, str]] = [
    (device_imports_little, "edge_hdr_device.x", "import json\ndef f():\n    import cv2"),
    (device_imports_little, "edge_hdr.x", "import typer"),
    (nobody_imports_folders, "edge_hdr.x", "from edge_hdr import device, models"),
    (tensorflow_stays_in_its_rooms, "edge_hdr.training_input", "import tensorflow as tf"),
    (tensorflow_stays_in_its_rooms, "edge_hdr.compress.prune", "import tensorflow as tf"),
    (heavy_imports_are_deferred, "edge_hdr.export", "import tensorflow as tf"),
    (heavy_imports_are_deferred, "edge_hdr.x", "if TYPE_CHECKING:\n    import cv2"),
    (screens_stay_in_the_cli, "edge_hdr.cli.data", "import typer"),
    (library_code_never_prints, "edge_hdr.cli.render", "import sys\nsys.stdout.write('')"),
    (library_code_never_prints, "edge_hdr.x", "import sys\nsys.stderr.flush()"),
    (ssh_stays_in_transport, "edge_hdr.transport", "run(['ssh', host])"),
    (modules_have_one_subject, "edge_hdr.x", "x = 1\n" * (MAX_MODULE_LINES - 1)),
    (functions_are_short, "edge_hdr.x", "def f():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES - 1)),
]


@pytest.mark.parametrize(("rule", "name", "source"), OFFENCES)
def test_a_rule_catches_the_offence(rule: Rule, name: str, source: str) -> None:
    assert list(rule(Module(name, source)))


@pytest.mark.parametrize(("rule", "name", "source"), FINE)
def test_a_rule_lets_the_allowed_pass(rule: Rule, name: str, source: str) -> None:
    assert list(rule(Module(name, source))) == []


def test_relative_imports_are_resolved() -> None:
    item = Module("edge_hdr.data.x", "from ..cli import app\nfrom . import idx")
    assert [found.target for found in imports(item)] == [
        "edge_hdr.cli",
        "edge_hdr.cli.app",
        "edge_hdr.data",
        "edge_hdr.data.idx",
    ]
