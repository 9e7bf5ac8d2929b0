"""Write figures for people: percentages, bytes, counts, durations."""

from __future__ import annotations

from typing import Any


def percent(share: float | None, *, digits: int = 2) -> str:
    """Write a share in [0, 1] as "99.42 %"; a dash for None."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def accuracy_digits(n: int) -> int:
    """Give the decimals of a percentage that n examples justify."""
    return 2 if n >= 1000 else 1


def interval(ends: list[float], n: int) -> str:
    """Write a 95 % interval as "99.25–99.55 %"."""
    digits = accuracy_digits(n)
    low, high = (100 * end for end in ends)
    return f"{low:.{digits}f}–{high:.{digits}f} %"


def size(count: float | None) -> str:
    """Write bytes in decimal units, exact below 10 kB; a dash for None."""
    if count is None:
        return "–"
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e4, "kB")):
        if count >= limit:
            return f"{count / (1e3 if unit == 'kB' else limit):.1f} {unit}"
    return f"{count:,.0f} B"


def whole(count: int | None) -> str:
    """Write a count with thousands separated; a dash for None."""
    return "–" if count is None else f"{count:,}"


def p_value(p: float) -> str:
    """Write a p value, "< 0.001" where it is smaller."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration(seconds: float) -> str:
    """Write a duration as "41 s", "12 min 5 s" or "2 h 3 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def shape(sizes: Any) -> str:
    """Write a shape as "1×28×28×1"."""
    return "×".join(str(item) for item in sizes) or "–"


def layer_name(row: dict[str, Any]) -> str:
    """Name an operator of a footprint for a person, as "2 conv 3×3, 16"."""
    name = str(row["name"]).lower().replace("_2d", "").replace("depthwise_conv", "depthwise")
    kernel = row["kernel"]
    if len(kernel) == 4:
        return f"{row['index']} {name} {kernel[1]}×{kernel[2]}, {row['output_shape'][-1]}"
    if len(kernel) == 2:
        return f"{row['index']} {name.replace('fully_connected', 'dense')} {kernel[0]}"
    return f"{row['index']} {name.replace('_', ' ')}"


def short(value: float) -> str:
    """Write a count with three digits and a unit: 512, 14.1k, 2.35M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:g}"
