"""`bottlenet-search`: flags -> SearchConfig -> search.run."""

from bottlenet_tf.cli import (
    config_flags,
    curve_search,
    program,
    surroundings,
    train_flags,
)
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.common.validation import check
from bottlenet_tf.search.config import CurveConfig, SearchConfig, SearchSettings

USAGE = """Finds where to split a network (Algorithm 1).

With --unit=learned, it starts without training: one pass over the images gives
the closed-form unit of every split point, and so its whole curve of accuracy
over bytes. Then it trains, as the other flags say, the units that can still win
for your links, machines and accepted loss, and only those: it stops when no
other split's curve, with --optimism for what training may gain, costs less than
what is trained, mobile-only and cloud-only (--rivals). Killed, it resumes;
other links, machines and losses may follow in the same folder.

With --unit=bottlenet, the paper's loop: for every split point it keeps the
smallest payload whose accuracy loss is accepted, among all channels, strides
and qualities of the grid. It trains along the edge of what is acceptable: the
next lower quality after an acceptable candidate, the next larger unit after
another. --exhaustive trains every candidate.

Takes all flags of train.py, which apply to every trial; --split, --channels,
--stride and --quality are the grid's. Killed, it resumes with the same flags.
--max_accuracy_loss and --exhaustive may differ then: it trains only what is
missing, and replaces SEARCH_DIR/candidates.

Examples:
  bottlenet-search --flagfile=flags/search_cifar10_curves.flags --curves_only
  bottlenet-search --flagfile=flags/search_cifar10_curves.flags \\
      --device_profile=phone.json --cloud_profile=server.json
  python -m bottlenet_tf.cli.search --flagfile=flags/search_cifar10.flags
  bottlenet-search --flagfile=flags/search_cifar10.flags --workers=2
  bottlenet-search ... --ray_address=auto   (workdir on a shared file system)

Then: bottlenet-profile, bottlenet-select, and export.py with
--workdir=SEARCH_DIR/candidates."""


_OVER_CURVES = (CurveConfig, curve_search.CurveFlags)
_OVER_A_GRID = (SearchConfig,)
SECTIONS = {
    "Search": (SearchSettings,),
    "Search over curves, with --unit=learned": _OVER_CURVES,
    "Search over a grid, with --unit=bottlenet": _OVER_A_GRID,
    **train_flags.SECTIONS,
}
_HEADER = (
    "split", "c'", "s", "quality", "wire B", "accuracy %", "drop",
    "test images: wire B", "accuracy %",
)  # fmt: skip


@program.entry(USAGE, SECTIONS, cleans_up=True)
def main(values):
    """Entry point of `bottlenet-search`."""
    config = read(values)
    if values.unit == "learned":
        costs = config_flags.read(curve_search.CurveFlags, values)
        return curve_search.run(costs, config)
    results = surroundings.with_tensorflow("search").run(config)
    print(f"\n{table(results)}\n\nResults: {config.base.workdir}")


def read(values):
    """Returns the `CurveConfig` or `SearchConfig` of parsed flag values."""
    read_by = _OVER_CURVES if values.unit == "learned" else _OVER_A_GRID
    unread = {*_names(_OVER_CURVES), *_names(_OVER_A_GRID)} - _names(read_by)
    given = sorted(name for name in unread if values[name].present)
    check(
        not given,
        "A search is over curves with --unit=learned and over a grid with "
        "another unit; the flags of one do nothing in the other.",
        unit=values.unit,
        flags=given,
    )
    return config_flags.read(
        read_by[0],
        values,
        base=train_flags.read(values),
        search_images=values.search_images or None,
    )


def _names(sections):
    return {name for each in sections for name in config_flags.fields(each)}


def table(results):
    """Returns the candidates of all splits, and the cost of the search."""
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
            f"accepted {accepted:g} points, so bottlenet-select refuses them; "
            "more --search_images measure more exactly."
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


if __name__ == "__main__":
    main()
