"""All that a report is made of, read from its files."""

import dataclasses
import pathlib

from bottlenet_tf.profiling import profile_file
from bottlenet_tf.report import (
    modes_file,
    network,
    origins,
    run_file,
    search_file,
    selection_file,
)
from bottlenet_tf.report.runs_page import NO_PROFILES, Runs
from bottlenet_tf.search import ground
from bottlenet_tf.search.candidates import CANDIDATES
from bottlenet_tf.search.curves import CURVES

SELECTION, MODES = "selection.json", "figure7.json"


@dataclasses.dataclass(frozen=True)
class Sources:
    """What there is to tell.

    Attributes:
        search: `search_file.Search`.
        selection: `selection_file.Selection`; None if nothing was chosen.
        modes: `modes_file.Modes`; None if there is no comparison.
        profiles: Tuple of `profiling.profile_file.Profile`.
        against: Tuple of `run_file.Run`s that curves are compared with.
        missing: `{what: sentence that says which command makes it}`.
    """

    search: object
    selection: object
    modes: object
    profiles: tuple
    against: tuple
    missing: dict

    @property
    def computing(self):
        """`network.Computing` of the server, by the first profile that tells.

        It tells if it knows every measured split's tail: bars are compared.
        """
        measured = self.search.runs
        for profile in self.profiles:
            tails = {s.name: s.tail_macs for s in profile.splits}
            if (
                measured
                and profile.whole_macs
                and all(tails.get(split) is not None for split in measured)
            ):
                shares = {s: tails[s] / profile.whole_macs for s in measured}
                return network.Computing(shares, (origins.of_profile(profile),))
        return network.Computing({})

    @property
    def origins(self):
        """All `Origin`s, the search's first."""
        found = [self.search.origin]
        found += [run.origin for run in self.search.runs.values()]
        found += [run.origin for run in self.against]
        found += [origins.of_profile(profile) for profile in self.profiles]
        for part in (self.selection, self.modes):
            found += [part.origin] if part else []
        return found


def read(root, selection=None, modes=None, profiles=(), against=()):
    """Returns the `Sources` of a search, or the `Runs` in a folder.

    Args:
        root: The search's folder; one without a search that holds finished
            runs, or is one. With a search, the selection must have chosen
            among what it kept or trained, else among all runs of the folder.
        selection: File of bottlenet-select; that in the folder if None.
        modes: figure7.json; that in the folder if None.
        profiles: Files of bottlenet-profile, to tell what was measured how.
        against: Work directories of units, or folders of such, that curves
            are compared with, together as one curve.

    Raises:
        FileNotFoundError: if the search, or a file that was named, isn't
            there.
        ValueError: naming file and field, for what is damaged or doesn't
            belong together.
    """
    root = pathlib.Path(root)
    path = pathlib.Path(selection or root / SELECTION)
    is_chosen = selection or path.is_file()
    found = _runs(root)
    if found:
        _refuse_modes(modes)
        runs, before = found
        by_name = run_file.by_name(runs)
        return Runs(
            runs,
            _against(against, runs),
            selection_file.read(path, by_name) if is_chosen else None,
            _profiles(profiles, runs[0].backbone, by_name),
            before,
        )
    search = search_file.read(root)
    missing = {}
    chosen = compared = None
    if is_chosen:
        chosen = selection_file.read(path, search.runs)
    else:
        missing["selection"] = (
            "What each split costs, and which one is chosen, isn't known: "
            f"bottlenet-select --runs={root / 'candidates'} "
            "--device_profile=phone.json --cloud_profile=server.json "
            f"--out={path} tells."
        )
    path = pathlib.Path(modes or root / MODES)
    if modes or path.is_file():
        compared = modes_file.read(path, search)
    else:
        missing["modes"] = (
            "Training with the codec wasn't compared with switching it on "
            "afterwards: python -m bottlenet_tf.cli.figure7 does; give its "
            "figure7.json by --figure7."
        )
    if chosen and not profiles:
        missing["profiles"] = NO_PROFILES
    if not search.runs:
        missing["runs"] = (
            "No split has an acceptable unit that was measured; "
            "bottlenet-search with another grid or a larger "
            "--max_accuracy_loss may find one."
        )
    return Sources(
        search, chosen, compared,
        _profiles(profiles, search.backbone, search.runs),
        _against(against, list(search.runs.values())), missing,
    )  # fmt: skip


def _runs(root):
    """Returns `(runs, before)` of a folder; None of a search over a grid.

    The runs of a search over curves are what it trained, and before that all
    of its curves; if it trained nothing yet, its curves.
    """
    if run_file.holds_runs(root / CURVES):
        curves = run_file.find([root / CURVES])
        if run_file.holds_runs(root / CANDIDATES):
            return run_file.find([root / CANDIDATES]), curves
        return curves, ()
    if not (root / ground.SEARCH).is_file() and run_file.holds_runs(root):
        return run_file.find([root]), ()
    return None


def _against(paths, runs):
    found = run_file.find(paths)
    run_file.check_same_network([*runs, *found])
    return found


def _refuse_modes(modes):
    if modes:
        raise ValueError(
            "--figure7 tells of a search's network; a folder of runs has none. "
            f"Received: figure7={modes!r}"
        )


def _profiles(paths, backbone, splits):
    found = tuple(profile_file.read(path) for path in paths)
    network = pathlib.PurePath(backbone).name
    for profile in found:
        profile_file.check_same_network(found[0], profile)
        if profile.network != network:
            raise ValueError(
                f"{profile.file}: field 'network' must be that of the runs, "
                f"{network!r}: its times would be another network's. "
                f"Received: network={profile.network!r}"
            )
        for split in splits:
            profile.split(split)
    return found
