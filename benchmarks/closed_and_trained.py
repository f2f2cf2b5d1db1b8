r"""Does the closed form rank splits as trained units do, and choose alike?

    bottlenet-search --flagfile=flags/search_cifar10_curves.flags --curves_only
    # ... and a run of each split, trained, in one folder, then
    bottlenet-profile --workdir=runs/trained --out=profile.json
    python benchmarks/closed_and_trained.py --curves=SEARCH/curves \
        --trained=runs/trained --profile=profile.json

Prints, on validation images, the bytes that each split needs at some losses
before and after training, with Spearman's rank correlation over all splits
(one that doesn't come so far ranks last); then, for devices that are some
times slower than the profiled machine and the paper's three networks, the
split that either chooses at an accepted loss, and what the closed form's
choice costs, as trained, against the best trained one. Choices are among
splits alone: mobile-only and cloud-only are the same for both.
"""

import argparse

from scipy import stats

from bottlenet_tf.common import rate_curves
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.common.run_folders import (
    choosing_figures,
    find_runs,
    load_report,
    model_name,
)
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.selection.choices import from_report
from bottlenet_tf.selection.costs import Machines, cost
from bottlenet_tf.selection.links import NAMED, named

LOSSES = (1, 2, 3, 5)
SLOWDOWNS = (1, 5, 20, 100)


def reports_in(folder):
    """Returns `{split: report}` of the runs in a folder."""
    return {
        model_name(run): load_report(run)
        for run in find_runs([folder], flag="runs")
    }


def needed(report, loss):
    """Returns the `Figure` of the bytes at a loss, on validation images."""
    figures = choosing_figures(report)
    points = [(p["wire_bytes_mean"], p["accuracy"]) for p in figures["points"]]
    return rate_curves.bytes_at(points, figures["baseline_accuracy"] - loss)


def shown(figure):
    """Returns bytes as a table has them."""
    if figure.value is not None:
        return f"{figure.value:.0f}"
    return "–" if figure.at_most is None else f"≤ {figure.at_most:.0f}"


def ranks(closed, trained, loss):
    """Returns Spearman's rank correlation of the bytes at a loss."""
    found = [
        [needed(reports[split], loss) for split in closed]
        for reports in (closed, trained)
    ]
    sizes = [[f.value or f.at_most or 1e9 for f in each] for each in found]
    return stats.spearmanr(*sizes).statistic


def costs(reports, machines, link, loss):
    """Returns `{split: ms}` of each split's best acceptable point."""
    best = {}
    for split, report in reports.items():
        least = choosing_figures(report)["baseline_accuracy"] - loss
        for choice in from_report(split, report, split):
            if choice.accuracy >= least:
                ms = cost(choice, machines, link).latency_ms
                best[split] = min(ms, best.get(split, ms))
    return best


def main():
    """Prints both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("curves", "trained", "profile"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    closed, trained = reports_in(args.curves), reports_in(args.trained)
    if set(closed) != set(trained):
        parser.error(
            "both folders must hold the same splits; received "
            f"{sorted(closed)} and {sorted(trained)}"
        )
    rows = [
        [
            split,
            *(
                f"{shown(needed(closed[split], loss))} / "
                f"{shown(needed(trained[split], loss))}"
                for loss in LOSSES
            ),
        ]
        for split in closed
    ]
    rows.append(
        ["rank correlation"]
        + [f"{ranks(closed, trained, loss):.2f}" for loss in LOSSES]
    )
    header = ["split", *(f"-{loss} points" for loss in LOSSES)]
    print("\n".join(aligned(header, rows, left=1)))
    profile = profile_file.read(args.profile)
    rows = []
    for slowdown in SLOWDOWNS:
        device = profile_file.slowed(profile, slowdown)
        machines = Machines(device, profile, 0, 0)
        for name in NAMED:
            for loss in (3, 5):
                link = named(name)
                first = costs(closed, machines, link, loss)
                then = costs(trained, machines, link, loss)
                by_closed = min(first, key=first.get, default=None)
                best = min(then, key=then.get, default=None)
                if by_closed is None or best is None:
                    continue
                ratio = then.get(by_closed, float("inf")) / then[best]
                rows.append(
                    [f"{slowdown} x", name, f"{loss}", by_closed, best,
                     f"{ratio:.2f}"]
                )  # fmt: skip
    header = (
        "device", "network", "points", "closed form", "trained",
        "cost of the first",
    )  # fmt: skip
    print("\n" + "\n".join(aligned(header, rows, left=2)))


if __name__ == "__main__":
    main()
