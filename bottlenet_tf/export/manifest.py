"""`manifest.json`: a deployment's content, origin and exactness."""

import dataclasses
import hashlib
import pathlib

from bottlenet_tf.common.json_file import text_of, write_json
from bottlenet_tf.common.markdown import cell
from bottlenet_tf.evaluation import versions
from bottlenet_tf.export.staging import checksums
from bottlenet_tf.runtime import intact, served, unit_file

# The part of a run's report that travels with a deployment.
_MEASURED = (
    "mode", "backbone", "split", "dataset", "dataset_fingerprint",
    "measured_on", "num_images", "baseline_accuracy", "accuracy",
    "payload_bytes_mean", "wire_bytes_mean",
    "wire_bytes_median", "wire_bytes_p95", "wire_bytes_p99", "wire_bytes_max",
    "points", "accuracy_matched_ratio",
    "device_mac_share", "seed", "flags",
)  # fmt: skip

PART_FORMAT = "bottlenet_tf.files.1"
# Each of these is in a folder that may be copied alone.
_PARTS = (served.NAME, unit_file.NAME, "model.py", "saved_model.pb")


def build_manifest(config, models, wholes, identity, files):
    """Returns a deployment's manifest, as a dictionary of JSON types.

    Args:
        files: `{relative path: SHA-256}` of all files but this.
    """
    flags = dataclasses.asdict(config)
    content = {
        "format": unit_file.MANIFEST_FORMAT,
        "target": config.target,
        "input": "raw RGB, 0..255; the heads contain the network's own scaling",
        "served": identity._asdict(),
        "models": models,
        "whole": wholes,
        # The same bytes wherever it is written.
        "export": {k: v for k, v in flags.items() if k != "out"},
        "versions": versions(),
        "sha256": files,
    }
    return seal(content)


def seal(content):
    """Returns a manifest with the SHA-256 of its own file."""
    text = text_of({**content, intact.SEAL: intact.BLANK})
    return {**content, intact.SEAL: hashlib.sha256(text.encode()).hexdigest()}


def write_parts(folder):
    """Writes a manifest to each folder that may be copied alone."""
    parts = {
        path.parent
        for name in _PARTS
        for path in pathlib.Path(folder).rglob(name)
    }
    # The inner ones first: the outer ones list their manifests.
    for part in sorted(parts, key=lambda part: -len(part.parts)):
        content = {"format": PART_FORMAT, "sha256": checksums(part)}
        write_json(part / intact.MANIFEST, seal(content))


def measured(report):
    """Returns the part of a run's report that travels with a deployment."""
    return {key: report.get(key) for key in _MEASURED}


def network_facts(model):
    """Returns the cut of a `BottleNet`, and its halves' work."""
    macs = model.macs()
    return {
        "layer": model.prefix.operations[-1].name,
        "feature_shape": list(model.prefix.output_shape[1:]),
        "head_macs": macs.head,
        "tail_macs": macs.tail,
        "whole_macs": macs.whole,
    }


def parity_table(models, wholes):
    """Returns a Markdown table of all artefacts against the Keras models."""
    rows = [
        "| model | artefact | point | images | other codes | by at most "
        "| same payloads | same class | logits apart | accuracy | Keras |",
        "|:--|:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for entry in (*models, *wholes):
        for parity in entry["parity"]:
            cells = (
                entry["name"],
                parity["artefact"],
                cell(parity["point"], "d"),
                f"{parity['images']}",
                cell(parity["differing_codes"], ".2f", " %"),
                cell(parity["code_difference"], ".0f"),
                cell(parity["same_payloads"], ".1f", " %"),
                f"{parity['top1_agreement']:.1f} %",
                f"{100 * parity['logit_difference']:.2g} %",
                f"{parity['accuracy']:.1f} %",
                f"{parity['keras_accuracy']:.1f} %",
            )
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)
