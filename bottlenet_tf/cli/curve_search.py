"""`bottlenet-search` of a learned unit: all curves, then what can win."""

import math

from bottlenet_tf.cli import selecting_flags, surroundings
from bottlenet_tf.common import in_use
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.search.bounds import Price
from bottlenet_tf.selection import Goal

PROFILE = "profile.json"
_HEADER = (
    "split", "wire B from", "to", "accuracy % from", "to", "B at -{:g}",
    "trained: B at -{:g}",
)  # fmt: skip


def run(values, config):
    """Finds the curves of all splits, and trains the units that can win.

    Args:
        values: Of the flags.
        config: `search.CurveConfig`.

    Raises:
        ValueError: for flags, profiles or runs that don't fit, or another
            search at work in the folder.
    """
    with in_use.alone(config.base.workdir):
        _run(values, config)


def _run(values, config):
    links = selecting_flags.links(values)
    goal = Goal(values.latency_weight, values.energy_weight)
    given = _given_profiles(values)
    curves = surroundings.with_tensorflow("search.curves")
    found = curves.find_curves(config)
    print("\n".join(table(found)), flush=True)
    folder = found.root / curves.CURVES
    if values.curves_only:
        print(f"\nCurves: {folder} (bottlenet-report draws them)")
        return
    machines = selecting_flags.machines(
        values, *(given or _profile(found.root, folder))
    )
    rivals = rivals_of(found) if values.rivals else []
    results = found.train(
        [price(link, goal, machines, rivals) for link in links]
    )
    print("\n".join(["", *table(found), *_told(results)]))
    print(f"\nResults: {found.root}")


def table(found):
    """Returns the lines of all curves, and of what is trained."""
    from bottlenet_tf.common import rate_curves

    loss = found.config.max_accuracy_loss
    trained, rows = found.trained_points, []
    for split, points in found.points.items():
        sizes, accuracies = zip(*points, strict=True)
        needed = [rate_curves.bytes_at(points, found.least_accuracy)]
        if split in trained:
            needed.append(
                rate_curves.bytes_at(trained[split], found.least_accuracy)
            )
        rows.append(
            [
                split,
                f"{max(sizes):.0f}",
                f"{min(sizes):.0f}",
                f"{max(accuracies):.2f}",
                f"{min(accuracies):.2f}",
                *(_bytes(each) for each in needed),
                *["–"] * (2 - len(needed)),
            ]
        )
    lead = (
        f"Unsplit {found.ground.accuracy:.2f} % on {_count(found)} "
        "validation images."
    )
    header = [name.format(loss) for name in _HEADER]
    return [lead, "", *aligned(header, rows, left=1)]


def _count(found):
    return f"{next(iter(found.reports.values()))['num_images']:,}"


def _bytes(figure):
    if figure.value is not None:
        return f"{figure.value:.0f}"
    return "–" if figure.at_most is None else f"≤ {figure.at_most:.0f}"


def _given_profiles(values):
    """Returns both `Profile`s; None if none is named."""
    names = values.device_profile, values.cloud_profile
    if not any(names):
        return None
    if not all(names):
        raise ValueError(
            "--device_profile and --cloud_profile must be given both, or "
            "neither: then this machine is timed for both. Received: "
            f"device_profile={names[0]}, cloud_profile={names[1]}"
        )
    return tuple(map(profile_file.read, names))


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
    from bottlenet_tf.selection import Way, references

    loss = found.config.max_accuracy_loss
    return [
        choice
        for choice in references(found.reports, loss)
        if choice.name != "label-only" and choice.way in (Way.DEVICE, Way.CLOUD)
    ]


def price(link, goal, machines, rivals):
    """Returns the `Price` of one link.

    Args:
        link: `selection.Link`.
        goal: `selection.Goal`.
        machines: `selection.Machines`.
        rivals: `selection.Choice`s; those that the profiles lack don't count.
    """
    from bottlenet_tf.selection import Choice, Way, cost

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


def _told(results):
    """Yields what was trained for which link, and what wins there."""
    for link, costs in results["links"].items():
        splits = [a["split"] for a in results["asked"] if a["link"] == link]
        trained = [s for s in splits if s in results["trained"]]
        failed = [s for s in splits if s not in results["trained"]]
        did = [
            f"{what} {', '.join(names)}"
            for what, names in (("trained", trained), ("failed", failed))
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
