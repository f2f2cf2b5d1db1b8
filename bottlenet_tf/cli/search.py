"""`bottlenet-search`: flags -> SearchConfig -> search.run."""

import sys

from absl import flags

from bottlenet_tf.cli import (
    config_flags,
    curve_search,
    program,
    selecting_flags,
    surroundings,
    train_flags,
)
from bottlenet_tf.common.validation import check
from bottlenet_tf.search.config import CurveConfig, SearchConfig

USAGE = """Finds where to split a network (Algorithm 1).

With --unit=learned, without training first: one pass over the images gives the
closed-form unit of every split point, and so its whole curve of accuracy over
bytes. Then it trains, as the other flags say, the units that can still win for
your links, machines and accepted loss, and only those: it stops when no other
split's curve, with --optimism for what training may gain, costs less than what
is trained, mobile-only and cloud-only (--rivals). Killed, it resumes; other
links, machines and losses may follow in the same folder.

With --unit=bottlenet, the paper's loop: for every split point it keeps the
smallest payload whose accuracy loss is accepted, among all channels, strides
and qualities of the grid. It trains along the edge of what is acceptable: the
next lower quality after an acceptable candidate, the next larger unit after
another. --exhaustive trains every candidate.

Takes all flags of train.py, which hold for every trial; --split, --channels,
--stride and --quality are the grid's. Killed, it resumes with the same flags.
--max_accuracy_loss and --exhaustive may be others then: it trains only what is
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


def _main(values):
    if values.unit == "learned":
        return curve_search.run(values, read(values))
    config = read(values)
    search = surroundings.with_tensorflow("search")
    from bottlenet_tf.cli.search_table import table

    results = search.run(config)
    print(f"\n{table(results)}\n\nResults: {config.base.workdir}")


def define(flag_values=flags.FLAGS, module_name=None):
    """Defines the flags of a search and of its trials."""
    train_flags.define(flag_values, module_name)
    common = {"flag_values": flag_values, "module_name": module_name}
    for section in (SearchConfig, CurveConfig):
        _define_own(section, **common)


def _define_own(section, **common):
    """Defines the flags that one kind of search reads."""
    config_flags.define(section, **common)
    if section is CurveConfig:
        selecting_flags.define_scenarios(**common)
        for name, default, text in (
            ("curves_only", False, "Measure the curves and train nothing."),
            (
                "rivals",
                True,
                "Train no split whose optimistic curve costs more than "
                "computing it all on the device, or all on the server; "
                "--norivals compares splits with each other alone.",
            ),
        ):
            flags.DEFINE_bool(name, default, text, **common)


def _check_kind(values, section, other):
    """Raises ValueError for flags of the other kind of search."""
    names = []
    for each in (other, section):
        own = flags.FlagValues()
        _define_own(each, flag_values=own, module_name=None)
        names.append(set(own))
    given = sorted(n for n in names[0] - names[1] if values[n].present)
    check(
        not given,
        "A search is over curves with --unit=learned and over a grid with "
        "another unit; the flags of one do nothing in the other.",
        unit=values.unit,
        flags=given,
    )


def read(values):
    """Returns the `CurveConfig` or `SearchConfig` of parsed flag values.

    Raises:
        ValueError: if a value or a combination is refused.
    """
    section, other = CurveConfig, SearchConfig
    if values.unit != "learned":
        section, other = other, section
    _check_kind(values, section, other)
    return config_flags.read(
        section,
        values,
        base=train_flags.read(values),
        search_images=values.search_images or None,
    )


def main():
    """Entry point of `bottlenet-search`."""
    define(module_name=sys.argv[0])
    program.run(_main, USAGE, cleans_up=True, groups=train_flags.GROUPS)


if __name__ == "__main__":
    main()
