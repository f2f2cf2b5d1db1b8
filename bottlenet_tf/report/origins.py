"""What made some figures: command, machine, versions."""

import dataclasses

from bottlenet_tf.profiling import profile_file


@dataclasses.dataclass(frozen=True)
class Origin:
    """What made some figures.

    Attributes:
        what: Which figures, for people.
        command: Arguments of the program.
        machine: Where it ran; "" if unknown.
        versions: `{name: version}`; empty if unknown.
        basis: What it was computed from, for people, where no machine tells.
    """

    what: str
    command: tuple = ()
    machine: str = ""
    versions: dict = dataclasses.field(default_factory=dict)
    basis: str = ""


def of_report(report, what):
    """Returns the `Origin` that a report's fields tell."""
    return Origin(
        what,
        report.texts("command"),
        _machine(report.object("hardware")),
        {
            name: str(version)
            for name, version in report.object("versions").content.items()
        },
    )


def together(what, command, found):
    """Returns the `Origin` of what some runs were made for.

    Machines and versions are those of the runs; where they differ, all.
    """
    versions = {}
    for origin in found:
        for name, version in origin.versions.items():
            versions.setdefault(name, {})[version] = None
    return Origin(
        what,
        command,
        "; ".join(dict.fromkeys(o.machine for o in found if o.machine)),
        {name: " and ".join(each) for name, each in versions.items()},
    )


def of_profile(profile):
    """Returns the `Origin` of a `profiling.profile_file.Profile`."""
    if profile.runtime == profile_file.BY_HAND:
        return Origin(
            f"times of {profile.file}",
            machine=f"{profile.device}, figures by hand",
        )
    threads = ""
    if profile.threads:
        threads = f", {profile.threads} thread{'s' * (profile.threads > 1)}"
    made = f", {profile.made}" if profile.made else ""
    return Origin(
        f"times of {profile.file}",
        profile.command,
        f"{profile.device} ({profile.runtime}{threads}; "
        f"power: {profile.meter}{made})",
        dict(profile.versions),
    )


def _machine(hardware):
    names = [hardware.text("cpu"), f"{hardware.whole('cores')} cores"]
    gpus = [str(gpu) for gpu in hardware.content.get("gpus") or ()]
    return ", ".join(names + gpus)
