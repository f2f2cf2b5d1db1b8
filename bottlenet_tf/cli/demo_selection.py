"""The demo's third part: what to choose over 3G, 4G and Wi-Fi, and the page."""

import sys

POWER_W = 5.0  # Supposed: a phone's order of magnitude.


def run(root, deploy, runs, max_accuracy_loss):
    """Profiles a deployment here, chooses for each network, writes the page.

    This machine stands for both sides, on one core.

    Args:
        root: `pathlib.Path` of the search.
        deploy: Deployment of `runs`.
        runs: Work directories.
        max_accuracy_loss: Points that were accepted.

    Returns:
        `pathlib.Path` of report.html.

    Raises:
        ValueError: if the energy or a part of a profile is missing.
    """
    from bottlenet_tf import evaluation, report, selection
    from bottlenet_tf.json_file import write_json
    from bottlenet_tf.profiling import measure, profile_file
    from bottlenet_tf.profiling.config import ProfileConfig
    from bottlenet_tf.selection import tables

    path = root / "profile.json"
    path.unlink(missing_ok=True)  # The demo's own, of another export.
    measure.run(
        ProfileConfig(
            deploy=str(deploy),
            out=str(path),
            seconds=0.2,
            threads=1,
            meter="constant",
            power_w=POWER_W,
        )
    )
    profile = profile_file.read(path)
    machines = selection.Machines(profile, profile)
    decisions = selection.decide_runs(
        {run.name: run for run in runs},
        {run.name: evaluation.load_report(run) for run in runs},
        machines,
        list(selection.NAMED.values()),
        selection.LATENCY,
        selection.Limits(),
        max_accuracy_loss,
    )
    write_json(
        root / "selection.json",
        tables.selection_values(decisions, machines, command=sys.argv),
    )
    print(
        f"\nThis machine as device and server, {POWER_W:g} W supposed; chosen "
        "by latency.\n"
    )
    print("\n".join(tables.winners_table(decisions)))
    for decision in decisions:
        if decision.best is not decision.winner:
            print(
                f"Over {decision.link.name}, {decision.best.choice.name} is "
                "faster than any split."
            )
    sys.stdout.flush()
    sources = report.read(str(root), None, None, [str(path)])
    return report.write(sources, str(root))
