"""Say in sentences what an explanation shows."""

from __future__ import annotations

from math import exp

from edge_hdr.explain.explanation import Explanation
from edge_hdr.explain.least_change import LARGEST_PX
from edge_hdr.explain.scene import Naming
from edge_hdr.report.numbers import percent

UNUSUAL = 0.95  # of the training examples lie closer to their own nearest neighbour
HEADS = ("digit", "read", "confidence", "runner-up", "nats", "least change", "nearest")
DEEDS = {"erased": "Erasing", "inked": "Inking"}


def verdict(found: Explanation, naming: Naming) -> str:
    """Say what was read, how surely, and whether it counts."""
    name = naming.labels[found.label]
    confidence = share(found.probabilities[found.label])
    if not naming.threshold:
        return f"Read as {name} with {confidence}; the model has no threshold for rejecting."
    relation = "at or above" if found.case.digit.accepted else "below"
    outcome = "accepted" if found.case.digit.accepted else 'rejected, printed as "?"'
    return f"Read as {name} with {confidence}, {relation} the {limit(naming)}: {outcome}."


def limit(naming: Naming) -> str:
    """Name the confidence under which the model rejects."""
    return f"threshold of {percent(naming.threshold)}" if naming.threshold else "no threshold"


def rivalry(found: Explanation, naming: Naming) -> str:
    """Say which class came second and how far behind, or which ones are as probable."""
    if found.tied:
        names = " and ".join(naming.labels[index] for index in found.tied)
        return f"It is a tie with {names}: of equally probable classes the first is read."
    name = naming.labels[found.runner_up]
    return (
        f"The runner-up is {name} with {share(found.probabilities[found.runner_up])}, "
        f"{found.lead_nats:.1f} nats behind: odds of {odds(found.lead_nats)} to 1."
    )


def lead(found: Explanation) -> str:
    """Write how far the runner-up is behind."""
    return "a tie" if found.tied else f"{found.lead_nats:.1f} nats behind"


def fragility(found: Explanation, naming: Naming) -> str:
    """Say what the least change is that flips the decision."""
    change = found.change
    if change is None:
        return f"No patch of up to {LARGEST_PX}×{LARGEST_PX} px, erased or inked, flips it."
    return (
        f"{DEEDS[change.fill]} {change.size_px}×{change.size_px} px makes it "
        f"{naming.labels[change.label]} ({share(change.confidence)}); no smaller patch flips it."
    )


def likeness(found: Explanation, naming: Naming) -> str:
    """Say what the nearest training examples are, and whether such a digit is usual."""
    if found.likeness is None:
        return ""
    names = [naming.classes[example.label] for example in found.likeness.nearest]
    counts = sorted(
        ((names.count(name), name) for name in dict.fromkeys(names)), key=lambda item: -item[0]
    )
    told = ", ".join(f"{name} ({count})" for count, name in counts)
    told = f"all labelled {names[0]}" if len(counts) == 1 else f"labelled {told}"
    closer = percent(found.likeness.closer_share, digits=0)
    rarity = "an unusual" if found.likeness.closer_share >= UNUSUAL else "a usual"
    return (
        f"The {len(names)} nearest training examples are {told}, at {rarity} distance: {closer} of "
        "the examples lie closer to their own nearest neighbour."
    )


def sentences(found: Explanation, naming: Naming) -> list[str]:
    """Say everything, a sentence each."""
    told = (verdict, rivalry, fragility, likeness, completeness)
    return [text for say in told if (text := say(found, naming))]


def completeness(found: Explanation, naming: Naming) -> str:
    """Say whether the integrated gradients add up; empty without them."""
    gradients = found.gradients
    if gradients is None:
        return ""
    verdict = "" if gradients.complete else ", so they are not complete"
    return (
        f"The integrated gradients add up to {gradients.total:+.3f}; the difference of the logits "
        f"rises by {gradients.difference:+.3f} from an empty crop to this one (off by "
        f"{percent(gradients.gap)} of all attributions after {gradients.steps} steps{verdict}). "
        f"The float model reads {naming.labels[gradients.label]}."
    )


def share(probability: float) -> str:
    """Write a probability so that it is never 0 or 1."""
    if probability >= 0.9999:
        return "> 99.99 %"
    if probability < 0.0001:
        return "< 0.01 %"
    return percent(float(probability))


def odds(nats: float) -> str:
    """Write odds from their logarithm, to two digits."""
    value = exp(min(nats, 700.0))
    if value >= 1e6:
        mantissa, _, power = f"{value:.0e}".partition("e")
        return f"{mantissa} × 10^{int(power)}"
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.1f}"


def row(found: Explanation, naming: Naming) -> list[str]:
    """Give the essentials in cells, under the heads of `HEADS`; nearest only with examples."""
    change, alike = found.change, found.likeness
    cells = [
        str(found.case.number),
        naming.labels[found.label] + ("" if found.case.digit.accepted else " rejected"),
        share(found.probabilities[found.label]),
        naming.labels[found.runner_up],
        "tie" if found.tied else f"{found.lead_nats:.1f}",
        f"none up to {LARGEST_PX}×{LARGEST_PX}"
        if change is None
        else f"{change.fill} {change.size_px}×{change.size_px} → {naming.labels[change.label]}",
    ]
    if alike is not None:
        cells.append("".join(naming.classes[example.label] for example in alike.nearest))
    return cells
