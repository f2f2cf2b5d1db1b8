"""The origin of figures: command, machine, versions."""

import dataclasses
import platform
import sys

import matplotlib

from bottlenet_tf.profiling import profiles


@dataclasses.dataclass(frozen=True)
class Origin:
    """The origin of some figures (`what`); fields are empty if unknown.

    `command` is the program's arguments, `machine` is where it ran. `basis` is
    the source of computed figures, if that matters instead.
    """

    what: str
    command: tuple = ()
    machine: str = ""
    versions: dict = dataclasses.field(default_factory=dict)
    basis: str = ""


def together(what, command, found):
    """Returns an `Origin` with all machines and versions of `found`, others."""
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
    """Returns the `Origin` of a `profiling.profiles.Profile`."""
    what, machine = f"times of {profile.file}", profile.device
    if profile.runtime == profiles.BY_HAND:
        return Origin(what, machine=f"{machine}, figures by hand")
    threads, made = "", f", {profile.made}" if profile.made else ""
    if profile.threads:
        threads = f", {profile.threads} thread{'s' * (profile.threads > 1)}"
    machine += f" ({profile.runtime}{threads}; power: {profile.meter}{made})"
    return Origin(what, profile.command, machine, dict(profile.versions))


def of_page():
    """Returns the `Origin` of this page."""
    versions = {
        "python": platform.python_version(),
        "matplotlib": matplotlib.__version__,
    }
    return Origin("this page", tuple(sys.argv), platform.platform(), versions)
