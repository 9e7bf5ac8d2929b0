"""Measure others beside ours in one run: model files, libraries and the reader of tutorials.

    python benchmarks/peers.py --peers DIR [--network BUILD] [--seconds S] [--out FILE]

DIR holds foreign `.tflite` and `.onnx` classifiers of 28×28 digits; they are not part of this
repository. Beside NAME.tflite or NAME.onnx a NAME.toml may lie, all of its keys optional:

    title = "LeNet-5 of a course"      # how tables call it; by default NAME
    input_range = [0, 1]               # what background and full ink were in training; also
                                       # [-1, 1], [0, 255], [1, 0] for dark ink on white, or
                                       # [-0.4242, 2.8215] for (x - 0.1307) / 0.3081
    layout = "nhwc"                    # nhwc, nchw, nhw or flat; only checked against the file
    source = "https://example.org/…"   # where it comes from
    licence = "MIT"

Without `input_range` a quantized input says itself what it takes, and a float input gets 0 to 1.
An unknown key is an error that names the nearest known one. A file that cannot be used is named,
the others are measured, and the exit code is 3.

With or without DIR, what a user would write instead is run with one trained network (the float
model of BUILD, a finished build of lenet5 or ds-cnn): Keras in three ways, onnxruntime,
`tf.lite.Interpreter`; and the OpenCV tutorial's reader around our own classifier. A ratio is
theirs / ours within the same run; above 1, ours is faster.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from foreign import network, pages, ratios, tutorial
from foreign.figure import draw_ratios, draw_reading
from foreign.files import Description, Found, open_peers
from foreign.runtimes import TutorialSubject, one_thread

from edge_hdr.bench.subjects import ModelFile, Options, start
from edge_hdr.errors import EdgeHdrError, ModelError
from edge_hdr.report.canvas import save
from edge_hdr_device import released
from edge_hdr_device.bench.measure import Plan, measure
from edge_hdr_device.bench.subject import Subject
from edge_hdr_device.install.golden import golden_digits
from edge_hdr_device.manifest import read_file
from edge_hdr_device.storage import write_atomic

RESULTS = Path(__file__).parent / "results"
TRAINED = Path("runs/literature/lenet5/seed0")
LIBRARIES = ("tensorflow", "tf-keras", "onnxruntime", "ai-edge-litert", "opencv-python-headless")
TIMED_STYLES = ("stretch", "centred")  # the plainest tutorial and the most careful one


def open_foreign(path: Path, description: Description) -> Subject:
    """Open a foreign file and try it on a digit.

    Raises:
        ModelError: it cannot be opened or does not run.
        DependencyError: what runs it is not installed.
    """
    file = ModelFile(description.title, path, read_file(path), manifest=None)
    subject = start(file, Options(description.input_range, threads=1, delegate="xnnpack"))
    try:
        subject.logits(golden_digits()[:1])
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{path.name} does not run: {reason}", hint="export it again") from error
    return subject


def open_ours() -> list[Subject]:
    """Open the released models, the default one first."""
    names = sorted(released.names(), key=lambda name: name != released.DEFAULT)
    return [
        start(ModelFile(name, released.find(name), None, None), Options(delegate="xnnpack"))
        for name in names
    ]


def tutorials(ours: Subject, keras: Subject | None) -> list[Subject]:
    """Put the tutorials' readers around our classifier, and the plainest around Keras `predict`."""
    made: list[Subject] = [
        TutorialSubject(f"tutorial, {style}, with {ours.name}", style, ours)
        for style in TIMED_STYLES
    ]
    if keras is not None:
        made.append(TutorialSubject(f"tutorial, stretch, with {keras.name}", "stretch", keras))
    return made


def compare(
    models: dict[str, Any], ours: Subject, files: Sequence[str], runtimes: Sequence[str],
    readers: Sequence[str],
) -> list[dict[str, Any]]:  # fmt: skip
    """Give every ratio; `runtimes` begins with ours, which runs the same network as the others."""
    found = [
        *ratios.of_readers(models, ours.name, readers),
        *(ratios.of_runtimes(models, runtimes[0], runtimes[1:]) if runtimes else ()),
        *ratios.of_files(models, ours.name, files),
    ]
    return [ratio.to_dict() for ratio in found]


def reading(ours: Subject, count: int) -> dict[str, Any]:
    """Read synthetic pages with our reader and the tutorials', all around the same classifier."""
    reader = ours.reader()
    assert reader is not None
    readers: dict[str, pages.PageReader] = {"ours": reader}
    for style in tutorial.STYLES:
        readers[f"tutorial, {style}"] = tutorial.TutorialReader(ours.logits, style)
    return {"model": ours.name, "sets": pages.read_right(readers, count)}


def accuracies(subjects: Sequence[Subject], data_dir: Path | None) -> dict[str, Any]:
    """Classify MNIST's test digits with each; n, errors, accuracy and interval by name."""
    from edge_hdr.data.load import load
    from edge_hdr.evaluate import evaluate_logits

    dataset = load("mnist", data_dir=data_dir, seed=0)
    found = {}
    for subject in subjects:
        logits = subject.logits(dataset.test.images)
        result = evaluate_logits(logits, dataset.test.labels, classes=dataset.classes).to_dict()
        found[subject.name] = {key: result[key] for key in ("n", "errors", "accuracy", "interval")}
    return found


def run(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Measure everything; gives the document."""
    if not options.no_network:
        one_thread()
    found = open_peers(options.peers, open_foreign) if options.peers else Found()
    for failure in found.failed:
        say(f"error: {failure['error']}\nhint: {failure['hint']}")
    ours = open_ours()
    runtimes, trained = _network(options, scratch, found.notes)
    keras = next((subject for subject in runtimes if subject.name.endswith("predict")), None)
    readers = tutorials(ours[0], keras)
    files = [*ours, *found.subjects.values(), *runtimes[:1]]
    subjects = [*ours, *found.subjects.values(), *runtimes, *readers]
    plan = Plan(seconds=options.seconds, cold=options.cold)
    measured = measure(subjects, plan, progress=lambda text, done, total: say(f"{text} …"))
    models = {model["name"]: _shortened(model) for model in measured.pop("models")}
    scores = {} if options.no_accuracy else accuracies(files, options.data_dir)
    for subject in files:
        models[subject.name] |= {
            "file_bytes": _bytes(subject), "test": scores.get(subject.name),
            **_described(found.descriptions.get(subject.name)),
        }  # fmt: skip
    names = [subject.name for subject in runtimes]
    others = [*(subject.name for subject in ours[1:]), *found.subjects, *names[:1]]
    return {
        "schema": 1,
        "command": shlex.join(["python", "benchmarks/peers.py", *sys.argv[1:]]),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "libraries": {name: version(name) for name in LIBRARIES},
        "measurement": measured,
        "network": trained,
        "peers": list(found.subjects),
        "models": models,
        "ratios": compare(models, ours[0], others, names, [subject.name for subject in readers]),
        "reading": reading(ours[0], options.pages) if options.pages else None,
        "failed": found.failed,
        "notes": found.notes,
    }


def _network(
    options: argparse.Namespace, scratch: Path, notes: list[str]
) -> tuple[list[Subject], dict[str, Any] | None]:
    """Open the trained network in every form, ours first; nothing under --no-network."""
    if options.no_network:
        return [], None
    folder = options.network or (TRAINED if (TRAINED / "model.tflite").exists() else None)
    quick = folder is None
    if folder is None:
        say("building a small network …")
        folder = network.quick_build(scratch / "build")
        notes.append("no trained network was named: a quick build on few digits stands in for it")
    loaded = network.load_network(folder, scratch)
    return network.subjects(loaded), {"architecture": loaded.name, "quick": quick}


def _shortened(model: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a model's entry what no table shows: distributions, this machine's paths."""

    def short(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: short(item) for key, item in value.items() if key != "histogram"}
        return value

    kept = short(model)
    return {**kept, "path": Path(model["path"]).name}


def _described(description: Description | None) -> dict[str, str]:
    if description is None:
        return {"source": "", "licence": ""}
    return {"source": description.source, "licence": description.licence}


def _bytes(subject: Subject) -> int:
    return int(Path(getattr(subject, "path")).stat().st_size)  # noqa: B009  not in the protocol


def say(text: str) -> None:
    """Tell a person how far it is."""
    print(text, file=sys.stderr)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, help="folder of foreign model files")
    parser.add_argument("--network", type=Path, help=f"folder of a finished build ({TRAINED})")
    parser.add_argument("--no-network", action="store_true", help="leave Keras and the like out")
    parser.add_argument("--data-dir", type=Path, help="where MNIST lies")
    parser.add_argument("--no-accuracy", action="store_true", help="time only")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the timed calls")
    parser.add_argument("--cold", type=int, default=5, help="fresh processes a model; 0 for none")
    parser.add_argument("--pages", type=int, default=40, help="of each set to read; 0 for none")
    parser.add_argument("--out", type=Path, default=RESULTS / "peers.json")
    parser.add_argument("--picture", type=Path, default=RESULTS / "peers.png")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement from the command line; gives the exit code."""
    options = parse(arguments)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            document = run(options, Path(scratch))
        write_atomic(options.out, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        save(draw_ratios, options.picture, document)
        if document["reading"]:
            picture = options.picture
            save(draw_reading, picture.with_stem(f"{picture.stem}-reading"), document)
    except EdgeHdrError as error:
        say(f"error: {error.message}\nhint: {error.hint}")
        return error.exit_code
    say(f"written: {options.out}, {options.picture}")
    return 3 if document["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
