"""Write the tables of both READMEs: figures from benchmarks/results/, settings from their class.

Usage: python scripts/readme_tables.py [--check]
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_hdr_device.settings import RunConfig

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def read(name: str) -> dict[str, Any]:
    """Read a result by name; an empty dictionary when it was not measured."""
    path = RESULTS / f"{name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def models() -> str:
    """Give the table of released models."""
    bench = read("bench").get("data", {})
    speeds = {model["name"]: model["latency"]["invoke"] for model in bench.get("models", [])}
    rows = [
        "| model | MNIST test (95 % interval) | errors, int8 and float32 | file | flatbuffer "
        "| one digit |",
        "|---|---|---|---|---|---|",
    ]
    for path in sorted(RESULTS.glob("release-*.json"), reverse=True):
        figures = json.loads(path.read_text())
        name, test, cost = figures["model"]["name"], figures["test"], figures["footprint"]
        low, high = test["interval"]
        speed = speeds.get(name, {}).get("p50_ms")
        rows.append(
            f"| [`{name}`](models/{name}/MODEL_CARD.md) | {test['accuracy']:.2%} "
            f"({low:.2%} to {high:.2%}) | {test['errors']} and {figures['float_test']['errors']} "
            f"| {cost['file_bytes']:,} B | {cost['flatbuffer_bytes']:,} B "
            f"| {f'{1e3 * speed:.0f} µs' if speed else '–'} |"
        )
    latency = ""
    if speeds:
        processor = bench["measurement"]["environment"]["processor"]
        latency = f"one digit: the model alone, median, one thread, {processor}"
    note = "n = 10,000 test digits, one seed, the exported file run by ai-edge-litert"
    return "\n".join([*rows, "", "; ".join(filter(None, [note, latency])) + "."])


def figures() -> str:
    """Give the table of what the commands cost and reach."""
    rows = ["| what | figure | command |", "|---|---|---|"]
    for preset in ("quick", "default"):
        result = read(f"build-{preset}")
        if result:
            rows.append(
                f"| `build --quantize int8`, {preset} preset, {result['cores']} cores "
                f"| {result['accuracy']:.2%} on MNIST test (n = {result['n']:,}) in "
                f"{result['minutes']:.1f} min, {result['peak_memory_gb']:.1f} GB at most "
                f"| `python benchmarks/build.py --preset {preset}` |"
            )
    result = read("strokes-to-mnist")
    if result:
        rows.append(
            f"| trained on `strokes` alone | {result['accuracy']:.2%} on MNIST test "
            f"(n = {result['n']:,}) | `python benchmarks/strokes_to_mnist.py` |"
        )
    result = read("strokes-throughput")
    if result:
        rows.append(
            f"| `strokes`, rendered and normalized | {result['images_per_second']:,.0f} images/s, "
            f"{result['workers']} workers | `python benchmarks/strokes_throughput.py` |"
        )
    return "\n".join([*rows, *recognition(), *runtime(), *deployment(), *measuring()])


def recognition() -> list[str]:
    """Give the rows about reading photos and starting up."""
    rows = []
    result, command = read("recognize-latency"), "`python benchmarks/recognize_latency.py`"
    if result:
        photo, frame = result["photo"], result["frame"]
        rows += [
            f"| locate, normalize, classify: {pixels(photo)} photo, {photo['digits']} digits "
            f"| {photo['total_ms']['p50']:.0f} ms (p90 {photo['total_ms']['p90']:.0f}) "
            f"| {command} |",
            f"| the same: {pixels(frame)} frame, {frame['digits']} digits "
            f"| {frame['total_ms']['p50']:.1f} ms (p90 {frame['total_ms']['p90']:.1f}) "
            f"| {command} |",
            "| `recognize` on that photo, from the shell "
            f"| {result['command_on_photo']['p50_s']:.2f} s | {command} |",
        ]
    rows += reading()
    result = read("startup")
    if result:
        rows.append(
            f"| `edge-hdr --help` | {result['help_s']:.2f} s | `python benchmarks/startup.py` |"
        )
    return rows


def reading() -> list[str]:
    """Give the rows about photos, scenes, strange digits and one's own hand."""
    rows = []
    photos = read("photos")
    if photos:
        result = photos["all"]
        theirs = {
            name: found["character_error_rate"]
            for name, found in photos["readers"].items()
            if name.startswith("tutorial") and name.endswith("CNN")
        }
        best = f"; the OpenCV tutorial around an MNIST CNN {min(theirs.values()):.1%}"
        rows.append(
            f"| {result['photos']} hobby photos never tuned on, {result['digits']} digits, mostly "
            f"one a photo | {rate(result)} character error rate{best if theirs else ''} "
            f"| `python benchmarks/photos.py DIR --half 1` |"
        )
    result = read("scenes")
    for severity, readers in result.get("severities", {}).items():
        first, *others = readers.items()
        theirs = next((found for name, found in others if name.startswith("tutorial")), None)
        own = first[1]["own"]
        beside = f"; the tutorial {theirs['character_error_rate']:.0%}" if theirs else ""
        rows.append(
            f"| {result['scenes']} generated scenes, {severity}, `{first[0]}` "
            f"| {rate(first[1])} character error rate{beside}; of what it accepts "
            f"{own['accuracy']:.1%} is right, covering {own['coverage']:.1%} "
            f"| `python benchmarks/scenes.py --part {result['part']}` |"
        )
    result = read("usps")
    for model in result.get("models", []):
        found = model["ways"]["isolate and normalize"]
        rows.append(
            f"| {result['n']:,} USPS digits through locate and normalize, `{model['name']}` "
            f"| {found['accuracy']:.2%} | `python benchmarks/usps.py FILE` |"
        )
    result = read("adapt")
    if result:
        before, after = result["error_before"], result["error_after"]
        rows.append(
            f"| `adapt` to {len(result['hands'])} new hands, {result['samples_per_class']} samples "
            f"a class | error {before['mean']:.1%} → {after['mean']:.1%}, on MNIST test "
            f"{result['mnist_points_lost']['mean']:+.2f} points, {result['seconds']['mean']:.0f} s "
            f"| `python benchmarks/adapt.py` |"
        )
    return rows


def rate(result: dict[str, Any]) -> str:
    """Give a character error rate with its interval."""
    low, high = result["interval"]
    return f"{result['character_error_rate']:.1%} ({low:.1%} to {high:.1%})"


def runtime() -> list[str]:
    """Give the rows about reading a camera."""
    rows = []
    result, command = read("frame-latency"), "`python benchmarks/frame_latency.py`"
    if result:
        for digits, stages in result["digits"].items():
            total = stages["total_ms"]
            rows.append(
                f"| camera frame {pixels(result)}, {digits} digit{'' if digits == '1' else 's'}, "
                f"one thread | {total['p50']:.1f} ms (p99 {total['p99']:.1f}) | {command} |"
            )
        unchanged = result["unchanged_ms"]["grey"]
        rows.append(
            f"| the same frame again, unchanged | {unchanged['p50']:.2f} ms "
            f"(p99 {unchanged['p99']:.2f}) | {command} |"
        )
    result, command = read("device-runtime"), "`python benchmarks/device_runtime.py`"
    if result:
        idle = result["idle"]
        rows += [
            f"| `edge-hdr-device run`: start to first reading | {result['start_p50_s']:.2f} s "
            f"(the very first, which measures the delegates: {result['first_start_s']:.2f} s) "
            f"| {command} |",
            f"| the same when idle, page on | {idle['resident_bytes'] / 1e6:.0f} MB resident, "
            f"{idle['processor_share']:.1%} of a core | {command} |",
        ]
    result = read("soak")
    if result:
        rows.append(
            f"| {result['minutes']:.0f} minutes of soak, {result['camera']['reconnects']} cuts of "
            f"the camera, the broker killed and restarted | memory {result['growth']:+.1%}, "
            f"{result['frames_unaccounted']} of {result['camera']['frames']:,} frames unaccounted "
            f"for | `make soak` |"
        )
    found = read("service-proof").get("found")
    if found:
        exposure = found["systemd's exposure figure"]
        rows.append(
            f"| the service under systemd: exposure, `systemctl stop`, hung to running again "
            f"| {exposure} of 10, {max(found['stop in s']):.1f} s, "
            f"{found['hung to running again in s']:.0f} s | `make service-proof` |"
        )
    return rows


def deployment() -> list[str]:
    """Give the rows about deploying to boards of this machine."""
    result, command = read("deploy"), "`python benchmarks/deploy.py`"
    if not result:
        return []
    first, update = result["first_deployment_offline"], result["model_only_update"]
    rows = [
        f"| `edge-hdr deploy`, another model: canary, restart and {result['window_s']} s of "
        f"watching included | {update['seconds']:.1f} s (plain scp of the same bytes "
        f"{update['scp']['seconds']:.1f} s) | {command} |",
        f"| the same: payload sent, beside the size of what changed "
        f"| {update['sent_to_changed']:.2f} × of {update['changed_bytes'] / 1e3:.1f} kB "
        f"(on the cable with ssh's own {update['wire_bytes'] / 1e3:.1f} kB) | {command} |",
        f"| a first deployment to a board without network, all packages along "
        f"| {first['seconds']:.1f} s for {first['sent_bytes'] / 1e6:.0f} MB (scp "
        f"{first['scp']['seconds']:.1f} s) | {command} |",
    ]
    fleets = result["fleets"]
    counts = ", ".join(str(fleet["boards"]) for fleet in fleets)
    times = ", ".join(f"{fleet['update_s_per_board']:.1f}" for fleet in fleets)
    return [
        *rows,
        f"| a fleet of {counts} boards on this machine, another model, in waves "
        f"| {times} s a board | {command} |",
    ]


def measuring() -> list[str]:
    """Give the rows about measuring itself, and about damaged digits."""
    rows = []
    result, command = read("repeatability"), "`make repeatability`"
    if result:
        ratios = [one for name, one in result["ratios"].items() if name.startswith("invoke")]
        seconds = sorted(result["one_model_cold_s"])
        rows += [
            f"| `edge-hdr bench`, one model on {result['test_n']:,} test digits, from the shell "
            f"| {seconds[len(seconds) // 2]:.1f} s | {command} |",
            f"| the ratio of two models' median times, from one run to the next, {result['runs']} "
            f"runs | at most {max(one['largest_step'] for one in ratios):.1%}, "
            f"{sum(one['steps_over_5_percent'] for one in ratios)} of "
            f"{len(ratios) * (result['runs'] - 1)} steps above 5 % | {command} |",
        ]
    for model in read("bench").get("data", {}).get("models", []):
        found = model["robustness"]
        rows.append(
            f"| `{model['name']}`, MNIST-C's kinds of damage made by our code, n = {found['n']:,} "
            f"each | error {found['mnist_c']['plain']:.1%}, through locate and normalize "
            f"{found['mnist_c']['normalized']:.1%} | `edge-hdr bench --robustness 1000` |"
        )
    return rows


def pixels(picture: dict[str, Any]) -> str:
    """Say a picture's size as "4000×3000"."""
    return f"{picture['width']}×{picture['height']}"


def settings() -> str:
    """Give the table of the device's settings, from where they are defined."""
    config = RunConfig()
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for table in dataclasses.fields(config):
        values = getattr(config, table.name)
        meanings = _meanings(values)
        for item in dataclasses.fields(values):
            default = getattr(values, item.name)
            shown = json.dumps(default) if default not in ("", ()) else "–"
            rows.append(f"| `{table.name}.{item.name}` | {shown} | {meanings[item.name]} |")
    return "\n".join(rows)


def _meanings(values: object) -> dict[str, str]:
    """Read what each attribute means from a class's docstring."""
    found: dict[str, str] = {}
    for line in inspect.cleandoc(type(values).__doc__ or "").splitlines():
        if match := re.fullmatch(r" {4}(\w+): (.+)", line):
            name, found[match[1]] = match[1], match[2]
        elif line.startswith(" " * 8):
            found[name] += " " + line.strip()
    return found


def peers() -> str:
    """Give the tables of what others take and read beside ours, in one run."""
    result = read("peers")
    if not result:
        return ""
    rows = [
        "| what | theirs | ours | theirs / ours (95 %) |",
        "|---|---|---|---|",
    ]
    for ratio in result["ratios"]:
        if ratio["what"].startswith("ten digits") and "predict" not in ratio["theirs"]:
            continue
        ends = ""
        if ratio["low"] is not None:
            ends = f" ({_factor(ratio['low'])} to {_factor(ratio['high'])})"
        rows.append(
            f"| {ratio['what']} | {ratio['theirs']}: {_duration(ratio['theirs_ms'])} "
            f"| {ratio['ours']}: {_duration(ratio['ours_ms'])} "
            f"| {_factor(ratio['ratio'])} ×{ends} |"
        )
    machine = result["measurement"]["environment"]["processor"]
    rows += ["", f"One thread, interleaved in one run, {machine}; above 1 ×, ours is faster.", ""]
    return "\n".join([*rows, *_pages(result["reading"])]).rstrip()


def _pages(reading: dict[str, Any] | None) -> list[str]:
    """Give the table of synthetic pages read by our reader and the tutorials'."""
    if not reading:
        return []
    sets = reading["sets"]
    heads = [f"{name} (n = {part['digits']:,})" for name, part in sets.items()]
    rows = [f"| reader | {' | '.join(heads)} |", "|---" * (len(sets) + 1) + "|"]
    for who in next(iter(sets.values()))["readers"]:
        scores = [part["readers"][who] for part in sets.values()]
        cells = [
            f"{score['share']:.1%} right, {score['confused'] + score['invented']} wrong, "
            f"{score['missed']} not read; {score['page_ms']:.1f} ms a page"
            for score in scores
        ]
        rows.append(f"| {who} | " + " | ".join(cells) + " |")
    return rows


def _duration(ms: float) -> str:
    """Write a time as "26 µs", "8.2 ms" or "16 s"."""
    if ms < 1:
        return f"{1e3 * ms:.0f} µs"
    return f"{ms:.3g} ms" if ms < 1000 else f"{ms / 1e3:.2g} s"


def _factor(times: float) -> str:
    """Write how many times, with two digits below 100 and none after the point above."""
    return f"{times:,.0f}" if times >= 10 else f"{times:.2g}"


TABLES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"models": models, "figures": figures},
    "benchmarks/LITERATURE.md": {"peers": peers},
    "device/README.md": {"settings": settings},
}


def fill(text: str, tables: dict[str, Callable[[], str]]) -> str:
    """Give a text with each marked table made anew."""
    for name, make in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        head, rest = text.split(begin)
        text = head + begin + make() + "\n" + rest[rest.index(end) :]
    return text


def main() -> int:
    """Write the tables, or under --check say whether they are up to date."""
    stale = 0
    for name, tables in TABLES.items():
        path = ROOT / name
        old = path.read_text()
        new = fill(old, tables)
        if "--check" in sys.argv:
            stale += old != new
        else:
            path.write_text(new)
    return int(stale > 0)


if __name__ == "__main__":
    sys.exit(main())
