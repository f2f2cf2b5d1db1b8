"""All sources of a report, read from their files."""

import dataclasses
import pathlib

from bottlenet_tf.profiling import profile_file
from bottlenet_tf.report import modes as modes_file
from bottlenet_tf.report import origins, searches, selections
from bottlenet_tf.report import runs as run_files
from bottlenet_tf.search import baseline
from bottlenet_tf.search.candidates import CANDIDATES
from bottlenet_tf.search.curves import CURVES

SELECTION, MODES = "selection.json", "figure7.json"
_MISSING = {
    "selection": (
        "The costs of each split, and the choice, are unknown: run "
        "bottlenet-select --runs={root}/candidates --device_profile=phone.json "
        "--cloud_profile=server.json --out={selection}."
    ),
    "modes": (
        "Training with the codec wasn't compared with switching it on "
        "afterwards: run python -m bottlenet_tf.cli.figure7 and give its "
        "figure7.json by --figure7."
    ),
    "profiles": (
        "How the times were measured is unknown: give the files of "
        "bottlenet-profile by --profiles=phone.json,server.json."
    ),
    "runs": (
        "No split has an acceptable unit that was measured; bottlenet-search "
        "with another grid or a larger --max_accuracy_loss may find one."
    ),
}


@dataclasses.dataclass(frozen=True)
class Sources:
    """The parts of a report; None or empty if missing.

    `runs` is `{name: Run}`, by the names in selection and profiles. `profiles`
    are `profiling.profile_file.Profile`s, `against` the `Run`s to compare
    curves with, and `before` those of a search over curves: all splits, before
    training. `missing` is `{part: how to make it}`.
    """

    search: searches.Search | None
    runs: dict
    selection: selections.Selection | None = None
    modes: modes_file.Modes | None = None
    profiles: tuple = ()
    against: tuple = ()
    before: tuple = ()
    missing: dict = dataclasses.field(default_factory=dict)

    @property
    def all_runs(self):
        """`runs` and `against`, each once."""
        found = (*self.runs.values(), *self.against)
        return list({run.file: run for run in found}.values())

    @property
    def chosen(self):
        """`{Choice name: (Choice, names of networks)}` of the winners."""
        found = {}
        for decision in self.selection.decisions if self.selection else ():
            if decision.winner:
                choice = decision.winner.choice
                _, links = found.setdefault(choice.name, (choice, []))
                links.append(decision.link.name)
        return found

    @property
    def splits(self):
        """Names of all splits, in the network's order, if that is known."""
        return self.search.splits if self.search else list(self.runs)

    @property
    def unseen(self):
        """Those of `runs` that have figures on unseen classes, on these."""
        return [run.unseen for run in self.runs.values() if run.unseen]

    @property
    def against_unseen(self):
        """The same of `against`."""
        return [run.unseen for run in self.against if run.unseen]

    @property
    def origins(self):
        """All `Origin`s, the search's first."""
        made = [self.search, *self.all_runs, *self.before]
        chosen = [self.selection, self.modes]
        return [
            *(part.origin for part in made if part),
            *map(origins.of_profile, self.profiles),
            *(part.origin for part in chosen if part),
        ]

    @property
    def server(self):
        """The first `Profile` with the MACs of all measured tails, or None."""
        for profile in self.profiles:
            tails = {s.name: s.tail_macs for s in profile.splits}
            known = [tails.get(split) is not None for split in self.runs]
            if profile.whole_macs and known and all(known):
                return profile
        return None

    @property
    def server_shares(self):
        """`{split: tail's part of the unsplit network's MACs}` by `server`."""
        profile = self.server
        return {
            split: profile.split(split).tail_macs / profile.whole_macs
            for split in (self.runs if profile else ())
        }


def read(root, selection=None, modes=None, profiles=(), against=()):
    """Returns the `Sources` of a search, or of the runs in a folder.

    Args:
        root: Folder of a search, of finished runs, or of one run. The
            selection must have chosen among all candidates or runs in it.
        selection: File of bottlenet-select; that in the folder if None.
        modes: figure7.json; that in the folder if None.
        profiles: Files of bottlenet-profile, to show how times were measured.
        against: Work directories of units, or folders of them, to compare
            curves with, together as one curve.
    """
    root = pathlib.Path(root)
    search, (runs, before) = None, _runs(root)
    if runs:
        if modes:
            raise ValueError(
                "--figure7 compares a search's network; a folder of runs has "
                f"none. Received: figure7={modes!r}"
            )
        backbone = pathlib.PurePath(runs[0].backbone).name
        runs = run_files.by_name(runs)
    else:
        search = searches.read(root)
        runs, backbone = search.runs, search.backbone
    chosen = pathlib.Path(selection or root / SELECTION)
    compared = pathlib.Path(modes or root / MODES)
    has_chosen = selection or chosen.is_file()
    has_compared = search and (modes or compared.is_file())
    missing = {
        "selection": search and not has_chosen,
        "modes": search and not has_compared,
        "profiles": has_chosen and not profiles,
        "runs": not runs,
    }
    others = run_files.find(against)
    run_files.check_same_network([*runs.values(), *others])
    return Sources(
        search,
        runs,
        selections.read(chosen, runs) if has_chosen else None,
        modes_file.read(compared, search) if has_compared else None,
        _profiles(profiles, backbone, runs),
        others,
        before,
        {
            name: _MISSING[name].format(root=root, selection=chosen)
            for name in missing
            if missing[name]
        },
    )


def _runs(root):
    """Returns `(runs, before)` of a folder; nothing of a search over a grid.

    The runs of a search over curves are those that it trained, `before` its
    curves; until it has trained any, its curves are the runs.
    """
    if run_files.folders(root / CURVES):
        curves = run_files.find([root / CURVES])
        if run_files.folders(root / CANDIDATES):
            return run_files.find([root / CANDIDATES]), curves
        return curves, ()
    if not (root / baseline.SEARCH).is_file() and run_files.folders(root):
        return run_files.find([root]), ()
    return (), ()


def _profiles(paths, backbone, splits):
    found = tuple(map(profile_file.read, paths))
    for profile in found:
        profile_file.check_same_network(found[0], profile)
        if profile.network != backbone:
            raise ValueError(
                f"{profile.file}: field 'network' must be that of the runs, "
                f"{backbone!r}: its times would be another network's. "
                f"Received: network={profile.network!r}"
            )
        for split in splits:
            profile.split(split)
    return found
