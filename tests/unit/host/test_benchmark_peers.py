from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge_hdr.errors import ConfigError, InputError, ModelError
from edge_hdr_device.camera.synthetic import write_page
from edge_hdr_device.pipeline import Digit, Reading

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def module(name: str) -> Any:
    return import_module(name)


@pytest.fixture
def folder(tmp_path: Path, tiny_int8: Path, tiny_float: Path) -> Path:
    shutil.copy(tiny_int8, tmp_path / "small.tflite")
    shutil.copy(tiny_float, tmp_path / "plain.tflite")
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    (folder / f"{name}.toml").write_text(text)
    return folder / f"{name}.tflite"


# descriptions


def test_a_file_without_a_description_is_called_by_its_name(folder: Path) -> None:
    described = module("foreign.files").describe(folder / "small.tflite")
    assert described == module("foreign.files").Description(title="small")


def test_a_description_is_read(folder: Path) -> None:
    path = write(
        folder,
        "small",
        'title = "A demo"\ninput_range = [1, -1]\nlayout = "nhwc"\n'
        'source = "https://example.org/x"\nlicence = "MIT"\n',
    )
    described = module("foreign.files").describe(path)
    assert described == module("foreign.files").Description(
        "A demo", (1.0, -1.0), "nhwc", "https://example.org/x", "MIT"
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('licens = "MIT"', "unknown key 'licens'", "did you mean licence?"),
        ('layout = "flatt"', "unknown layout 'flatt'", "did you mean flat?"),
        ("input_range = [0, 0]", "no pair of different numbers", "input_range = [0, 1]"),
        ("input_range = [0, nan]", "no pair of different numbers", "input_range = [0, 1]"),
        ("input_range = [0, true]", "no pair of different numbers", "input_range = [0, 1]"),
        ("input_range = 1", "no pair of different numbers", "input_range = [0, 1]"),
        ("title = 5", "title = 5 is no text", 'title = "…"'),
        ('title = " "', "is no text", 'title = "…"'),
        ("title =", "small.toml is no TOML", "mend that line"),
    ],
)
def test_a_wrong_description_is_named(folder: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        module("foreign.files").describe(write(folder, "small", text))
    assert "small.toml" in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((1, 28, 28, 1), "nhwc"),
        (("N", 1, 28, 28), "nchw"),
        ((None, 28, 28), "nhw"),
        ((1, 784), "flat"),
        ((1, "h", "w"), ""),
    ],
)
def test_layouts_are_told_by_the_shape(shape: tuple[Any, ...], layout: str) -> None:
    assert module("foreign.files").layout_of(shape) == layout


def test_a_layout_that_the_file_does_not_have_is_refused(folder: Path) -> None:
    files = module("foreign.files")
    files.check_layout(folder / "small.tflite", files.Description("a", layout="nhwc"))
    with pytest.raises(ModelError, match="which is nhwc, not flat"):
        files.check_layout(folder / "small.tflite", files.Description("a", layout="flat"))


# a folder of files


def test_a_broken_file_is_named_and_the_others_are_opened(folder: Path) -> None:
    (folder / "half.tflite").write_bytes((folder / "small.tflite").read_bytes()[:900])
    write(folder, "plain", 'title = "Plain"\nmode = 1\n')
    (folder / "lost.toml").write_text("")
    shutil.copy(folder / "small.tflite", write(folder, "other", 'title = "Other"'))
    found = module("foreign.files").open_peers(folder, module("peers").open_foreign)
    assert list(found.subjects) == ["Other", "small"]
    assert [failure["file"] for failure in found.failed] == ["half.tflite", "plain.tflite"]
    assert "half.tflite" in found.failed[0]["error"]
    assert "unknown key 'mode'" in found.failed[1]["error"]
    assert [note.split()[0] for note in found.notes] == ["small.tflite", "lost.toml"]


def test_two_files_of_one_title_are_told_apart(folder: Path) -> None:
    write(folder, "plain", 'title = "small"')
    found = module("foreign.files").open_peers(folder, module("peers").open_foreign)
    assert list(found.subjects) == ["small"]
    assert "the title 'small' is another file's" in found.failed[0]["error"]


@pytest.mark.parametrize("place", ["", "nowhere"])
def test_a_folder_without_models_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match=r"no model file|cannot list"):
        module("foreign.files").open_peers(tmp_path / place, module("peers").open_foreign)


def test_the_input_range_reaches_the_model(folder: Path) -> None:
    peers, files = module("peers"), module("foreign.files")
    path = folder / "plain.tflite"
    usual = peers.open_foreign(path, files.Description("usual"))
    turned = peers.open_foreign(path, files.Description("turned", input_range=(1.0, 0.0)))
    image = np.random.default_rng(0).integers(0, 256, (1, 28, 28), dtype=np.uint8)
    np.testing.assert_allclose(usual.logits(image), turned.logits(255 - image), atol=1e-5)
    assert np.abs(usual.logits(image) - turned.logits(image)).max() > 1e-3


def test_a_damaged_onnx_file_is_named(folder: Path) -> None:
    pytest.importorskip("onnxruntime")
    (folder / "net.onnx").write_bytes(b"no graph")
    found = module("foreign.files").open_peers(folder, module("peers").open_foreign)
    assert "net.onnx" in found.failed[0]["error"]
    assert list(found.subjects) == ["plain", "small"]


# the tutorial


def bar() -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Ink with an upright bar of 6×40 px, left of the middle of the picture."""
    ink = np.zeros((100, 100), np.uint8)
    ink[20:60, 30:36] = 255
    return ink, (30, 20, 6, 40)


def test_stretching_makes_a_bar_a_full_square() -> None:
    assert module("foreign.tutorial").stretch(*bar()).min() == 255


def test_padding_leaves_five_pixels_of_paper() -> None:
    crop = module("foreign.tutorial").padded(*bar())
    assert crop[5:23, 5:23].min() == 255
    assert crop.sum() == 255 * (28 - 2 * 5) ** 2


def test_a_square_keeps_the_aspect() -> None:
    crop = module("foreign.tutorial").square(*bar())
    rows, columns = (np.ptp(np.nonzero(crop > 127)[axis]) + 1 for axis in (0, 1))
    assert rows == pytest.approx(28 / 1.6 + 2, abs=2)  # dilated by one px on each side
    assert columns == pytest.approx(6 / 40 * 28 / 1.6 + 2, abs=2)


def test_centring_follows_mnist() -> None:
    crop = module("foreign.tutorial").centred(*bar()).astype(float)
    assert np.ptp(np.nonzero(crop > 127)[0]) + 1 == 20
    middle = [(crop.sum(axis=1 - axis) * np.arange(28)).sum() / crop.sum() for axis in (0, 1)]
    assert middle == pytest.approx([13.5, 13.5], abs=0.51)


def test_the_tutorial_asks_its_model_once_a_digit_and_reads_in_order() -> None:
    paper = np.full((200, 300), 230, np.uint8)
    paper[40:80, 200:206] = 20
    paper[40:80, 100:106] = 20
    paper[120:160, 50:56] = 20
    paper[100, 100] = 20  # a speck
    batches: list[int] = []

    def answer(images: np.ndarray) -> np.ndarray:
        batches.append(len(images))
        return np.eye(10, dtype=np.float32)[[len(batches)]]

    reading = module("foreign.tutorial").TutorialReader(answer).read(paper)
    assert batches == [1, 1, 1]
    lefts = [digit.box[0] for digit in reading.digits]
    assert lefts == pytest.approx([100, 200, 50], abs=2)
    assert [len(line) for line in reading.lines] == [2, 1]


# pages


class Oracle:
    """Reads the pages of a set by heart, in order; each is read twice."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = [text for text in texts for _ in range(2)]

    def read(self, image: np.ndarray) -> Reading:
        text = self.texts.pop(0)
        digits = tuple(Digit(char, 1.0, (0, 0, 1, 1)) for char in text)
        return Reading((text,), digits, 1, 1, 1.0, 2.0, 3.0)


def test_what_is_read_right_is_counted() -> None:
    pages = module("foreign.pages")
    truths = {name: [page.text for page in pages.pages(name, 1)] for name in pages.SETS}
    every = [text for texts in truths.values() for text in texts]
    readers = {
        "all": Oracle(every),
        "none": Oracle([""] * len(every)),
        "first digit rejected": Oracle(["?" + text[1:] for text in every]),
        "one more": Oracle([text + "5" for text in every]),
    }
    for name, found in pages.read_right(readers, 1).items():
        digits = sum(map(len, truths[name]))
        scores = found["readers"]
        assert (found["pages"], found["digits"]) == (1, digits)
        assert (scores["all"]["share"], scores["all"]["whole_pages"]) == (1.0, 1)
        assert scores["all"]["page_ms"] == 1.0 + 2.0 + 3.0
        assert (scores["none"]["right"], scores["none"]["missed"]) == (0, digits)
        rejected = scores["first digit rejected"]
        assert (rejected["right"], rejected["missed"], rejected["confused"]) == (digits - 1, 1, 0)
        assert (scores["one more"]["right"], scores["one more"]["invented"]) == (digits, 1)


def test_camera_pages_are_the_synthetic_camera_s() -> None:
    page = module("foreign.pages").camera_page(3)
    assert page.image.shape == (480, 640, 3)
    assert page.text == "".join(write_page((77, 3), 640, 480).lines)


# ratios


def times(*windows: float) -> dict[str, Any]:
    return {"windows_p50_ms": list(windows), "p50_ms": float(np.median(windows))}


def test_a_ratio_is_taken_within_each_window() -> None:
    ratios = module("foreign.ratios")
    # the machine halves its speed after two windows, which the ratio does not show
    theirs, ours = times(4, 4, 8, 8, 8), times(2, 2, 4, 4, 4)
    found = ratios.compare_times("one digit", "other", "ours", theirs, ours)
    assert (found.ratio, found.low, found.high) == (2.0, 2.0, 2.0)
    assert (found.theirs_ms, found.ours_ms) == (8, 4)


def test_ten_calls_are_compared_with_one_batch() -> None:
    found = module("foreign.ratios").compare_times(
        "ten", "a", "b", times(3, 3), times(2, 2), times=10
    )
    assert (found.theirs_ms, found.ratio) == (10 * 3, 10 * 3 / 2)


def test_the_interval_of_a_ratio_is_students_on_logarithms() -> None:
    low, high = module("foreign.ratios").interval([1.0, np.e**2])
    assert np.log([low, high]) == pytest.approx(
        [1 - 12.706 * 2**0.5 / 2**0.5, 1 + 12.706 * 2**0.5 / 2**0.5]
    )


def test_a_cold_start_is_all_of_its_parts() -> None:
    ratios = module("foreign.ratios")
    theirs = {"start_ms": 900, "open_ms": 80, "first_ms": 20}
    ours = {"start_ms": 90, "open_ms": 8, "first_ms": 2}
    found = ratios.compare_cold("other", "ours", theirs, ours)
    assert found.ratio == (900 + 80 + 20) / (90 + 8 + 2)
    assert ratios.compare_cold("other", "ours", None, ours) is None


# the pictures


def test_the_pictures_are_drawn_from_the_document_alone(tmp_path: Path) -> None:
    from edge_hdr.report.canvas import save

    figure = module("foreign.figure")
    score = {"confused": 1, "invented": 0, "missed": 2}
    document = json.loads(
        json.dumps(
            {
                "ratios": [
                    {"what": "one digit", "theirs": "a library", "ratio": 12_345.6},
                    {"what": "one digit", "theirs": "another", "ratio": 0.5},
                    {"what": "cold start to first digit", "theirs": "hidden", "ratio": 3},
                ],
                "reading": {"sets": {"pages": {"digits": 1234, "readers": {"ours": score}}}},
            }
        )
    )
    for name, draw, words in (
        ("a.svg", figure.draw_ratios, ["a library (one digit)", "12,346 ×", "0.5 ×"]),
        ("b.svg", figure.draw_reading, ["pages, 1,234 digits", "ours", "not read"]),
    ):
        save(draw, tmp_path / name, document)
        assert (tmp_path / name).stat().st_size > 1000
        drawn = draw(document)
        shown = {text.get_text().strip() for text in drawn.findobj(match=_is_text)}
        assert set(words) <= shown
        assert not any("hidden" in text for text in shown)


def _is_text(artist: Any) -> bool:
    from matplotlib.text import Text

    return isinstance(artist, Text)


# what a runtime is fed


def test_an_interpreter_of_integers_gets_integers(tiny_int8: Path) -> None:
    from edge_hdr_device.classifier import Classifier
    from edge_hdr_device.interpreter import open_interpreter

    runtimes = module("foreign.runtimes")
    image = np.random.default_rng(1).integers(0, 256, (1, 28, 28), dtype=np.uint8)
    ask = runtimes.asker(open_interpreter(tiny_int8))
    np.testing.assert_array_equal(ask(runtimes.scaled(image)), Classifier(tiny_int8).logits(image))


def test_a_tutorial_is_measured_with_its_own_reader(tiny_int8: Path) -> None:
    from edge_hdr_device.bench.subject import TfliteSubject

    runtimes = module("foreign.runtimes")
    subject = runtimes.TutorialSubject("tutorial", "padded", TfliteSubject(tiny_int8))
    assert type(subject.reader()).__name__ == "TutorialReader"
    assert subject.logits(np.zeros((3, 28, 28), np.uint8)).shape == (3, 10)
    assert subject.cold_argv() is None


# the command


def test_a_folder_of_no_models_ends_the_command(tmp_path: Path, capsys: Any) -> None:
    words = ["--no-network", "--peers", str(tmp_path), "--out", str(tmp_path / "x.json")]
    assert module("peers").main(words) == 3
    assert "holds no model file" in capsys.readouterr().err
    assert not (tmp_path / "x.json").exists()


def test_distributions_and_folders_stay_out_of_the_results() -> None:
    peers = module("peers")
    kept = peers._shortened(
        {"path": "/home/someone/a.tflite", "call": {"p50_ms": 1.0, "histogram": {"counts": [1]}}}
    )
    assert kept == {"path": "a.tflite", "call": {"p50_ms": 1.0}}
    subject = SimpleNamespace(path=Path(__file__))
    assert peers._bytes(subject) == Path(__file__).stat().st_size
