"""The folder of an adapted model: the file, its manifest, figures and card."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_hdr.adaptation.run import Adapted
from edge_hdr.comparison import compare
from edge_hdr.errors import CheckFailedError
from edge_hdr.evaluate import evaluate_logits
from edge_hdr.footprint import footprint
from edge_hdr.verify import manifest_figures
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.manifest import Manifest, pack
from edge_hdr_device.storage import write_atomic

MODEL, REJECTED = "model.tflite", "rejected.tflite"
MANIFEST, METRICS, CARD = "manifest.json", "metrics.json", "MODEL_CARD.md"


def write(adapted: Adapted, out: Path, *, command: str) -> dict[str, Any]:
    """Write an adapted model that is better, the model itself last.

    Args:
        adapted: what was made and judged.
        out: the folder; files of the same names are replaced.
        command: as the user typed it.

    Returns:
        The content of metrics.json.

    Raises:
        CheckFailedError: it is no better than what it came from; only `rejected.tflite` is
            written, whose manifest says why.
        StorageError: a file cannot be written; a model that was there is still the old one.
    """
    manifest = _manifest(adapted, command)
    file = pack(adapted.flatbuffer, manifest)
    if complaint := adapted.judgement.complaint:
        write_atomic(out / REJECTED, file)
        raise CheckFailedError(
            complaint,
            hint="keep the old model, or check the samples' labels and add more; "
            f"the new one is kept as {out / REJECTED}",
        )
    metrics = _metrics(adapted, manifest, file, command)
    write_atomic(out / MANIFEST, manifest.to_json(indent=1) + "\n")
    write_atomic(out / METRICS, json.dumps(metrics, indent=1, sort_keys=True) + "\n")
    write_atomic(out / CARD, card(metrics))
    write_atomic(out / MODEL, file)
    (out / REJECTED).unlink(missing_ok=True)
    return metrics


def adaptation(adapted: Adapted) -> dict[str, Any]:
    """Give JSON-ready what a manifest says of an adaptation: from what, to what, how well."""
    parent = adapted.parent
    return {
        "from": {
            "name": parent.name,
            "version": parent.version,
            "sha256": parent.sha256,
            "metrics": parent.metrics,
            "adaptation": parent.data.get("adaptation"),
        },
        "samples": adapted.samples.facts(parent.labels),
        "rehearsal": adapted.rehearsal.facts(),
        "held_back": adapted.judgement.to_dict(),
    }


def _manifest(adapted: Adapted, command: str) -> Manifest:
    """Complete the manifest; whose figures are the parent's stands under `from`."""
    checked = adapted.checked
    validation = {
        "split": adapted.rehearsal.name,
        "n": checked.n,
        "errors": checked.errors,
        "accuracy": round(1 - checked.errors / checked.n, 6),
    }
    warnings = [*adapted.samples.warnings, *adapted.rehearsal.warnings]
    known = adapted.parent.data.get("warnings", [])
    return replace(
        adapted.manifest,
        sha256=hashlib.sha256(adapted.flatbuffer).hexdigest(),
        command=command,
        data={
            **adapted.parent.data,
            "warnings": list(dict.fromkeys([*known, *warnings])),
            "adaptation": adaptation(adapted),
        },
        metrics={
            "held_back": adapted.judgement.to_dict(),
            "validation": {**validation, **checked.to_dict()},
            "interpreter": runtime_name(),
        },
    )


def _metrics(adapted: Adapted, manifest: Manifest, file: bytes, command: str) -> dict[str, Any]:
    """Give what metrics.json holds, in the form of a build's; `test` are the held-back digits."""
    split, old, new = adapted.held
    classes = adapted.parent.labels
    limits = {"temperature": manifest.temperature, "threshold": manifest.threshold}
    former = {"temperature": adapted.parent.temperature, "threshold": adapted.parent.threshold}
    data = {
        **manifest.data,
        "name": f"{manifest.data.get('name', 'data')} and samples of {adapted.samples.name}",
        "test_name": f"held-back samples of {adapted.samples.name}",
        "test_n": len(split),
        "test_sha256": split.sha256(),
    }
    return {
        "schema": 1,
        "model": manifest_figures(manifest),
        "test": evaluate_logits(new, split.labels, classes=classes, **limits).to_dict(),
        "validation": manifest.metrics["validation"],
        "reference": {"name": adapted.parent.name},
        "float_test": evaluate_logits(old, split.labels, classes=classes, **former).to_dict(),
        "comparison": compare(old, new, split.labels).to_dict(),
        "adaptation": manifest.data["adaptation"],
        "interpreter": runtime_name(),
        "footprint": footprint(file).to_dict(),
        "history": adapted.history,
        "seconds": adapted.seconds,
        "warnings": manifest.data["warnings"],
        "command": command,
        "config": manifest.config,
        "data": data,
        "libraries": {**manifest.libraries, "python": platform.python_version()},
    }


def card(metrics: dict[str, Any]) -> str:
    """Render the model card: a build's, and what the model was adapted from, to and how well."""
    from edge_hdr.report.card import model_card

    return model_card(metrics) + "\n".join(_section(metrics)) + "\n"


def _section(metrics: dict[str, Any]) -> list[str]:
    told, checked = metrics["adaptation"], metrics["validation"]
    samples, rehearsal, held = told["samples"], told["rehearsal"], told["held_back"]
    by_class = ", ".join(f"{count} × {name}" for name, count in samples["by_class"].items())
    if held["way"] == "each in turn":
        way = (
            "Each sample was held back from one training of several and read by the file that this "
            "gave; the model here learnt all of them, so that its own figure is not known and "
            "should be a little better."
        )
    else:
        way = "One part of the samples was held back, and this very file read it."
    return [
        "",
        "## Adaptation",
        "",
        f"- From `{told['from']['name']}`, flatbuffer sha256 `{told['from']['sha256']}`.",
        f"- To {samples['n']:,} labelled samples ({by_class}), sha256 `{samples['sha256']}`.",
        f"- Rehearsed: {rehearsal['digits']:,} digits and {rehearsal['others']:,} non-digits.",
        f"- Held-back samples: {held['new_errors']} errors on {held['n']:,}, "
        f"{held['old_errors']} before; {held['only_old_wrong']} are right now that were wrong, "
        f"{held['only_new_wrong']} the other way (McNemar's exact p {held['p_value']:.2g}). {way}",
        f"- {held['rehearsed']}, which neither learnt: {held['new_rehearsed_errors']} errors on "
        f"{held['rehearsed_n']:,}, {held['old_rehearsed_errors']} before.",
        f"- Of these and of scenes with non-digits (n = {checked['mixed_n']:,}), it accepts "
        f"{checked['coverage']:.1%} of the digits ({checked['old_coverage']:.1%} before), and "
        f"{checked['selective_accuracy']:.2%} of what it accepts is right "
        f"({checked['old_selective_accuracy']:.2%} before).",
    ]
