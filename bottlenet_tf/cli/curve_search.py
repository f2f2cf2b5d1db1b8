"""`bottlenet-search` of a learned unit: all curves, then those that can win."""

import dataclasses
import math

from bottlenet_tf.cli import surroundings
from bottlenet_tf.cli.selecting_flags import CostConfig
from bottlenet_tf.common import in_use, rate_curves
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.common.settings import setting
from bottlenet_tf.common.validation import check
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.search.bounds import Price
from bottlenet_tf.selection.choices import Choice, Way
from bottlenet_tf.selection.costs import cost
from bottlenet_tf.selection.goals import Goal
from bottlenet_tf.selection.rivals import references

PROFILE = "profile.json"
_HEADER = (
    "split", "wire B from", "to", "accuracy % from", "to", "B at -{:g}",
    "trained: B at -{:g}",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class CurveFlags(CostConfig):
    """Costs by which a search over curves compares the splits."""

    curves_only: bool = setting(False, "Measure the curves and train nothing.")
    rivals: bool = setting(
        True,
        "Train no split whose optimistic curve costs more than computing it "
        "all on the device, or all on the server; --norivals compares splits "
        "only with each other.",
    )

    def check_together(self):
        check(
            (self.device_profile is None) == (self.cloud_profile is None),
            "--device_profile and --cloud_profile must both be given, or "
            "neither: then this machine is timed for both.",
            device_profile=self.device_profile,
            cloud_profile=self.cloud_profile,
        )


def run(costs, config):
    """Finds the curves of all splits, and trains the units that can win."""
    with in_use.alone(config.base.workdir):
        _run(costs, config)


def _run(costs, config):
    links = costs.links()
    goal = Goal(costs.latency_weight, costs.energy_weight)
    profiles = None
    if costs.device_profile:
        names = costs.device_profile, costs.cloud_profile
        profiles = tuple(map(profile_file.read, names))
    curves = surroundings.with_tensorflow("search.curves")
    found = curves.find_curves(config)
    print("\n".join(table(found)), flush=True)
    folder = found.root / curves.CURVES
    if costs.curves_only:
        print(f"\n{spent(found)}")
        print(f"Curves: {folder} (bottlenet-report draws them)")
        return
    machines = costs.machines(*(profiles or _profile(found.root, folder)))
    rivals = rivals_of(found) if costs.rivals else []
    results = found.train(
        [price(link, goal, machines, rivals) for link in links]
    )
    print("\n".join(["", *table(found), *_outcomes(results), spent(found)]))
    print(f"\nResults: {found.root}")


def table(found):
    """Returns the lines of all curves, before and after training."""
    loss = found.config.max_accuracy_loss
    trained, rows = found.trained_points, []
    for split, points in found.points.items():
        sizes, accuracies = zip(*points, strict=True)
        rows.append(
            [
                split,
                f"{max(sizes):.0f}",
                f"{min(sizes):.0f}",
                f"{max(accuracies):.2f}",
                f"{min(accuracies):.2f}",
                _bytes(points, found.least_accuracy),
                _bytes(trained.get(split), found.least_accuracy),
            ]
        )
    count = next(iter(found.reports.values()))["num_images"]
    unsplit = f"Unsplit {found.baseline.accuracy:.2f} %"
    header = [name.format(loss) for name in _HEADER]
    return [
        f"{unsplit} on {count:,} validation images.",
        "",
        *aligned(header, rows, left=1),
    ]


def spent(found):
    """Returns the line of a search's cost in training images."""
    counts = found.spent
    read, seen = counts["statistics_images"], counts["examples"]
    grid = counts["grid_examples"]
    return (
        f"Training images: {read:,} for the closed forms of all splits, "
        f"{seen:,} in trainings. The paper's grid takes {grid:,} for one epoch "
        f"of each unit at each split, {grid / (read + seen):.0f} times as many."
    )


def _bytes(points, accuracy):
    """Returns the bytes that a curve needs, as text; it may be None."""
    if points is None:
        return "–"
    figure = rate_curves.bytes_at(points, accuracy)
    if figure.value is not None:
        return f"{figure.value:.0f}"
    return "–" if figure.at_most is None else f"≤ {figure.at_most:.0f}"


def _profile(root, folder):
    """Returns the profile of this machine, twice."""
    from bottlenet_tf.profiling import measure
    from bottlenet_tf.profiling.config import ProfileConfig

    path = root / PROFILE
    if not path.is_file():
        print("\nNo profiles are given: this machine is timed for both sides.")
        measure.run(ProfileConfig(workdir=(str(folder),), out=str(path)))
    profile = profile_file.read(path)
    return profile, profile


def rivals_of(found):
    """Returns the `Choice`s that a split must beat: no split at all."""
    loss = found.config.max_accuracy_loss
    return [
        choice
        for choice in references(found.reports, loss)
        if choice.name != "label-only" and choice.way in (Way.DEVICE, Way.CLOUD)
    ]


def price(link, goal, machines, rivals):
    """Returns the `Price` of one link; rivals without a profile don't count."""

    def of(split, size):
        choice = Choice(split, Way.SPLIT, size, split=split)
        return goal.of(cost(choice, machines, link))

    costs = []
    for choice in rivals:
        try:
            costs.append(goal.of(cost(choice, machines, link)))
        except ValueError:  # A profile may lack the whole network.
            continue
    return Price(link.name, of, min(costs, default=math.inf))


def _outcomes(results):
    """Yields a line for each link: the splits trained for it, and the best."""
    for link, costs in results["links"].items():
        splits = [a["split"] for a in results["asked"] if a["link"] == link]
        trained = [s for s in splits if s in results["trained"]]
        failed = [s for s in splits if s not in results["trained"]]
        did = [
            f"{verb} {', '.join(names)}"
            for verb, names in (("trained", trained), ("failed", failed))
            if names
        ]
        best, rival = costs["best"], costs["rival"]
        if best is None:
            end = "no split is accurate enough yet"
        elif rival is not None and rival <= best:
            end = f"computing it all in one place costs less, {rival:.2f}"
        else:
            end = f"the best split costs {best:.2f}"
        yield f"{link}: {'; '.join(did or ['nothing new'])}; {end}."
