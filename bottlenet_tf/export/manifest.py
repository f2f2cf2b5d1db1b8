"""`manifest.json`: what a deployment is, where it came from, how exact."""

import dataclasses

from bottlenet_tf.evaluation import versions
from bottlenet_tf.runtime.unit_file import MANIFEST_FORMAT

# What a user of the deployment wants to know of the run it came from.
MEASURED = (
    "mode", "backbone", "split", "dataset", "dataset_fingerprint",
    "measured_on", "num_images", "baseline_accuracy", "accuracy",
    "payload_bytes_mean", "wire_bytes_mean",
    "wire_bytes_median", "wire_bytes_p95", "accuracy_matched_ratio",
    "device_mac_share", "seed", "flags",
)  # fmt: skip


def build_manifest(config, models, checksums):
    """Puts a deployment's manifest together.

    Args:
        config: `ExportConfig`.
        models: What `_Export.write` returned, one for each run.
        checksums: `{relative path: SHA-256}` of all files but this.

    Returns:
        Dictionary of JSON types.
    """
    return {
        "format": MANIFEST_FORMAT,
        "target": config.target,
        "input": "raw RGB, 0..255; the heads hold the network's own scaling",
        "models": models,
        "export": dataclasses.asdict(config),
        "versions": versions(),
        "sha256": checksums,
    }


def measured(report):
    """Returns the part of a run's report that travels with a deployment."""
    return {key: report.get(key) for key in MEASURED}


def network_facts(model):
    """Returns where a `BottleNet` is cut and what its halves compute."""
    macs = model.macs()
    return {
        "layer": model.prefix.operations[-1].name,
        "feature_shape": list(model.prefix.output_shape[1:]),
        "head_macs": macs.head,
        "tail_macs": macs.tail,
        "whole_macs": macs.whole,
    }


def parity_table(models):
    """Returns a Markdown table of all artefacts against the Keras model."""
    rows = [
        "| model | artefact | images | other codes | by at most "
        "| same payloads | same class | accuracy | Keras |",
        "|:--|:--|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for model in models:
        for parity in model["parity"]:
            rows.append(
                f"| {model['name']} | {parity['artefact']} "
                f"| {parity['images']} | {parity['differing_codes']:.2f} % "
                f"| {parity['code_difference']:.0f} "
                f"| {parity['same_payloads']:.1f} % "
                f"| {parity['top1_agreement']:.1f} % "
                f"| {parity['accuracy']:.1f} % "
                f"| {parity['keras_accuracy']:.1f} % |"
            )
    return "\n".join(rows)
