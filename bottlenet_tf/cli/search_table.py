"""What a search found, as a Markdown table."""

from bottlenet_tf.common.markdown import aligned

_HEADER = (
    "split", "c'", "s", "quality", "wire B", "accuracy %", "drop",
    "test images: wire B", "accuracy %",
)  # fmt: skip


def table(results):
    """Returns the candidates of all splits, and what they took.

    Args:
        results: As `search.run` returns them.
    """
    rows = [
        _row(split, found, results["accuracy"])
        for split, found in results["candidates"].items()
    ]
    lines = aligned(_HEADER, rows, left=1)
    trials = results["trials"]
    failed = [trial["name"] for trial in trials if trial["error"]]
    spent, full = results["examples"], results["examples_exhaustive"]
    lines.append(
        f"\n{len(trials)} trials saw {spent:,} training images; the exhaustive "
        f"search takes {full:,} ({full / max(spent, 1):.1f} times as many). "
        f"Batch norms' statistics took {results['norm_examples']:,} more, "
        "without training."
    )
    accepted = results["accuracy"] - results["least_accuracy"]
    worse = [
        f"{split} ({found['validation_drop']:.2f})"
        for split, found in results["candidates"].items()
        if found and (found["validation_drop"] or 0.0) > accepted
    ]
    if worse:
        lines.append(
            f"On all validation images {', '.join(worse)} lose more than the "
            f"{accepted:g} points that are accepted, so bottlenet-select "
            "refuses them; more --search_images would have told."
        )
    if failed:
        lines.append(f"Failed: {', '.join(failed)}; see their failure.json.")
    return "\n".join(lines)


def _row(split, found, accuracy):
    if found is None:
        return [split, *"––––", "none acceptable", *"–––"]
    searched, measured = found["searched"], found["measured"]
    on_all = ["failed", "–"]
    if measured:
        on_all = [
            f"{measured['wire_bytes']:.1f}", f"{measured['accuracy']:.2f}"
        ]  # fmt: skip
    return [
        split,
        *(str(found[name]) for name in ("channels", "stride", "quality")),
        f"{searched['wire_bytes']:.1f}",
        f"{searched['accuracy']:.2f}",
        f"{accuracy - searched['accuracy']:.2f}",
        *on_all,
    ]
