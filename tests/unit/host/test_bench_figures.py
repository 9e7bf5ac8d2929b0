"""Figures of a bench run."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest
from bench_document import document, throttled
from matplotlib.colors import to_hex

from edge_hdr.errors import StorageError
from edge_hdr.report import bench_figures
from edge_hdr.report.bench_robustness import spread
from edge_hdr.report.canvas import FILE_PX, FIRST, INK, new_figure, save, to_svg

ALL = (
    bench_figures.pareto,
    bench_figures.latency_distributions,
    bench_figures.stage_bars,
    bench_figures.sweep,
    bench_figures.confusion,
    bench_figures.reliability,
    bench_figures.robustness_heatmap,
    bench_figures.adversarial_curves,
)


@pytest.fixture(scope="module")
def full():
    return document(3, sweep=True, robustness=4)


def words(figure):
    """Give the texts of a figure's panels."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def ticks(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


@pytest.mark.parametrize("draw", ALL)
def test_each_is_svg_in_the_pages_colours_that_says_what_it_shows(draw, full):
    svg = to_svg(draw(full), "test", 'errors of "ours"')
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'errors of "ours"'
    assert "currentColor" in svg
    assert "#0102" not in svg
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("draw", ALL)
def test_nothing_is_drawn_of_nothing(draw, full):
    doc = document(2, accuracy=False, frame=False)
    for model in doc["models"]:
        model["latency"] = None
    assert draw(doc) is None


def test_a_single_model_has_no_front():
    assert bench_figures.pareto(document(1)) is None


def test_the_labels_of_25_models_can_be_read():
    figure = bench_figures.pareto(document(25))
    figure.draw_without_rendering()
    texts = figure.axes[0].texts
    assert len(texts) == 25
    boxes = np.array([np.ravel(box_of(text)) for text in texts])
    lows, highs = boxes[:, :2], boxes[:, 2:]
    over = ((lows[:, None] < highs) & (lows < highs[:, None])).all(axis=2)
    assert np.triu(over, 1).sum() == 0
    left, bottom, right, top = figure.axes[0].bbox.extents
    assert (lows >= (left - 1, bottom - 1)).all()
    assert (highs <= (right + 1, top + 1)).all()


def box_of(text):
    """Give the ends of a label without its line to the point."""
    from matplotlib.text import Text

    return Text.get_window_extent(text).get_points()


def test_the_front_goes_through_its_models_and_they_are_filled(full):
    (axes,) = bench_figures.pareto(full).axes
    corners = {tuple(corner) for line in axes.lines for corner in line.get_xydata()}
    names = full["front"]["bytes"]
    assert names == ["ds-cnn-small-int8", "ds-cnn-nano-int8"]  # lenet5 is larger and errs more
    stair = max(axes.lines, key=lambda line: len(line.get_xydata())).get_xydata()
    assert {(39_512, 0.47), (9_948, 0.91)} <= {(x, round(y, 9)) for x, y in stair}
    points = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert [line.get_markerfacecolor() == "none" for line in points] == [True, False, False]
    assert (182_468, 0.93) in {(x, round(y, 9)) for x, y in corners}


def test_times_of_a_disturbed_run_have_no_front():
    doc = throttled(document(3))
    (axes,) = bench_figures.pareto(doc, "latency").axes
    assert {line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"} == {
        "none"
    }
    assert max(len(line.get_xdata()) for line in axes.lines) == 2  # intervals, no stair
    (axes,) = bench_figures.pareto(doc, "bytes").axes
    assert max(len(line.get_xdata()) for line in axes.lines) > 2


def test_each_line_of_an_attack_has_its_name():
    doc = document(3, robustness=1)
    figure = bench_figures.adversarial_curves(doc)
    names = [model["name"] for model in doc["models"]]
    assert words(figure) == [*names, "ds-cnn-small-float32, attacked itself"] * 2
    for axes in figure.axes:
        assert [line.get_linestyle() for line in axes.lines] == ["-", "-", "-", "--"]
        heights = sorted(text.xyann[1] for text in axes.texts)
        assert np.diff(heights).min() > 5  # percent: no two are on each other


def test_labels_are_spread_no_farther_than_needed():
    assert spread(np.array([50.0, 10.0, 90.0]), 5, 100).tolist() == [50, 10, 90]
    assert spread(np.array([99.0, 98.0, 20.0]), 5, 100).tolist() == [100, 95, 20]
    assert spread(np.array([3.0, 3.0, 3.0]), 5, 100).tolist() == [3, 8, 13]


def test_no_error_is_drawn_as_half_an_error():
    doc = document(2)
    doc["models"][0]["test"] |= {"errors": 0, "accuracy": 1.0, "interval": [0.9996, 1.0]}
    (axes,) = bench_figures.pareto(doc).axes
    heights = {round(float(y), 9) for line in axes.lines for y in line.get_ydata()}
    assert 0.005 in heights  # 100 · 0.5 / 10,000


def test_a_model_without_a_size_is_left_out_of_the_sizes(full):
    doc = document(3)
    doc["models"][2]["file_bytes"] = None
    assert len(bench_figures.pareto(doc).axes[0].texts) == 2
    assert len(bench_figures.pareto(doc, "latency").axes[0].texts) == 3


def test_times_are_ordered_by_the_median_and_told(full):
    (axes,) = bench_figures.latency_distributions(full).axes
    assert ticks(axes) == ["ds-cnn-nano-int8", "ds-cnn-small-int8", "lenet5-float32"]
    medians = [f"{1e3 * full['models'][at]['latency']['invoke']['p50_ms']:.3g}" for at in (2, 1, 0)]
    assert words(axes.figure)[:3] == medians


def test_a_ridge_is_as_wide_as_its_histogram():
    doc = document(1)
    counts, edges = [0, 4, 2], [1.0, 2.0, 4.0, 8.0]
    doc["models"][0]["latency"]["invoke"]["histogram"] = {"counts": counts, "edges_ms": edges}
    (axes,) = bench_figures.latency_distributions(doc).axes
    heights, found, base = axes.patches[0].get_data()
    assert found.tolist() == [1e3 * edge for edge in edges]  # µs, as the median is under 0.1 ms
    assert ((heights - base) / 0.85).tolist() == [0, 1, 0.5]


def test_stages_are_stacked_in_their_order():
    doc = document(1)
    stages = doc["models"][0]["latency"]["stages"]
    for name, p50_ms in (("locate", 2.0), ("normalize", 0.5), ("classify", 0.25)):
        stages[name]["p50_ms"] = p50_ms
    (axes,) = bench_figures.stage_bars(doc).axes
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert bars == [(0, 2.0), (2.0, 0.5), (2.5, 0.25)]


def test_the_sweep_shows_six_models_on_one_scale():
    doc = document(9, sweep=True)
    panels = [axes for axes in bench_figures.sweep(doc).axes if axes.get_visible()]
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles[:3] == ["lenet5-float32", "ds-cnn-base-float32", "ds-cnn-small-int8"]
    assert len(titles) == 6  # the first, the one with the fewest errors, then in their order
    assert len({axes.get_ylim() for axes in panels}) == 1
    rows = doc["models"][0]["latency"]["sweep"]
    drawn = [tuple(point) for line in panels[0].lines for point in line.get_xydata()]
    assert sorted(drawn) == sorted((row["batch"], row["images_per_second"]) for row in rows)


def test_the_heat_map_shows_the_mean_of_the_severities():
    doc = document(1, robustness=1)
    found = doc["models"][0]["robustness"]
    found["corruptions"] = {
        "dotted_line": {"plain": [0.1, 0.2, 0.6], "normalized": [0, 0.01, 0.02]}
    }
    found |= {
        "clean": {"plain": 0.004, "normalized": 0.006},
        "mean": {"plain": 0.3, "normalized": 0.01},
        "mnist_c": {"plain": 0.2, "normalized": 0.02},
    }
    figure = bench_figures.robustness_heatmap(doc)
    assert words(figure) == [
        "0.4",
        "30",
        "20",
        "30",
        "0.6",
        "1.0",
        "2.0",
        "1.0",
    ]  # (10 + 20 + 60) / 3
    heads = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert heads == ["clean", "mean", "as in MNIST-C", "dotted line"]


def test_a_named_models_confusion_is_drawn(full):
    counts = [str(full["models"][2]["test"]["confusion"][digit][digit]) for digit in range(10)]
    found = words(bench_figures.confusion(full, "ds-cnn-nano-int8"))
    assert set(counts) <= set(found)
    assert bench_figures.confusion(full, "not there") is None


def test_names_are_text_not_markup_nor_formulas():
    doc = document(2, sweep=True, robustness=1)
    name = "<b>$x^2$</b>"
    doc["models"][0]["name"] = doc["models"][1]["name"] = name
    for draw in (bench_figures.pareto, bench_figures.robustness_heatmap, bench_figures.sweep):
        svg = to_svg(draw(doc), "test")
        assert "<b>" not in svg
        assert name in [element.text for element in ET.fromstring(svg).iter()]


def square():
    figure, (axes,) = new_figure(2.0, width_in=4.0)
    axes.axis("off")
    axes.fill([0, 1, 1, 0], [0, 0, 1, 1], color=FIRST)
    return figure


def test_a_file_has_fixed_light_colours(tmp_path):
    assert save(square, tmp_path / "square.png")
    picture = cv2.imread(str(tmp_path / "square.png"), cv2.IMREAD_UNCHANGED)
    assert picture.shape[:2] == (FILE_PX // 2, FILE_PX)
    assert picture[0, 0].tolist()[:3] == [255, 255, 255]
    assert picture[FILE_PX // 4, FILE_PX // 2].tolist() == [0xB2, 0x67, 0x28, 255]  # #2867b2
    assert to_hex(INK) == "#010203"  # pages are drawn in their own colours again


def test_a_files_svg_is_whole_and_the_same_each_time(tmp_path):
    doc = document(1)
    for folder in ("a", "b"):
        assert save(bench_figures.stage_bars, tmp_path / folder / "stages.svg", doc)
    text = (tmp_path / "a" / "stages.svg").read_text()
    assert text == (tmp_path / "b" / "stages.svg").read_text()
    assert "var(--" not in text
    assert "#2867b2" in text


def test_nothing_to_draw_writes_no_file(tmp_path):
    assert not save(bench_figures.pareto, tmp_path / "none.png", document(1), "latency")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        save(square, tmp_path / "file" / "square.png")
