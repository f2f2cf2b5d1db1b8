"""What a search found, as a Markdown table."""


def table(results):
    """Returns the candidates of all splits, and what they took.

    Args:
        results: As `search.run` returns them.
    """
    lines = [
        "| split | c' | s | quality | wire B | accuracy % | drop "
        "| all images: wire B | accuracy % |",
        "|:--|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for split, found in results["candidates"].items():
        if found is None:
            lines.append(
                f"| {split} |" + " – |" * 4 + " none acceptable |" + " – |" * 3
            )
            continue
        searched, measured = found["searched"], found["measured"]
        drop = results["accuracy"] - searched["accuracy"]
        on_all = (
            f"{measured['wire_bytes']:.1f} | {measured['accuracy']:.2f}"
            if measured
            else "failed | –"
        )
        lines.append(
            f"| {split} | {found['channels']} | {found['stride']} "
            f"| {found['quality']} | {searched['wire_bytes']:.1f} "
            f"| {searched['accuracy']:.2f} | {drop:.2f} | {on_all} |"
        )
    trials = results["trials"]
    failed = [trial["name"] for trial in trials if trial["error"]]
    spent, full = results["examples"], results["examples_exhaustive"]
    lines.append(
        f"\n{len(trials)} trials saw {spent:,} training images; the exhaustive "
        f"search takes {full:,} ({full / max(spent, 1):.1f} times as many)."
    )
    if failed:
        lines.append(f"Failed: {', '.join(failed)}; see their failure.json.")
    return "\n".join(lines)
