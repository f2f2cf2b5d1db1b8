"""`bottlenet-search`: flags -> SearchConfig -> search.run."""

import dataclasses
import sys
import typing

from absl import flags

from bottlenet_tf.cli import (
    curve_search,
    program,
    selecting_flags,
    train_flags,
)
from bottlenet_tf.search.config import CurveConfig, SearchConfig

USAGE = """Finds where to split a network (Algorithm 1).

With --unit=learned, without training first: one pass over the images gives the
closed-form unit of every split point, and so its whole curve of accuracy over
bytes. Then it trains, as the other flags say, the units that can still win for
your links, machines and accepted loss, and only those: it stops when no other
split's curve, with --optimism for what training may gain, costs less than what
is there. Killed, it goes on; other links, machines and losses may follow in
the same folder.

With --unit=bottlenet, the paper's loop: for every split point it keeps the
smallest payload whose accuracy loss is accepted, among all channels, strides
and qualities of the grid. By default at a fraction of the paper's cost: units
share a start, the hopeless stop early, and one training serves all qualities.
--exhaustive trains every candidate in full instead.

Takes all flags of train.py, which hold for every trial; --split, --channels,
--stride, --quality and the length of a training are the grid's. Killed, it
goes on where it was when it is started again with the same flags.
--max_accuracy_loss and --max_finals may be others then: it trains only what a
search begun with those would train beyond what is there, and replaces
SEARCH_DIR/candidates.

Examples:
  bottlenet-search --flagfile=flags/search_cifar10_curves.flags --curves_only
  bottlenet-search --flagfile=flags/search_cifar10_curves.flags \\
      --device_profile=phone.json --cloud_profile=server.json
  python -m bottlenet_tf.cli.search --flagfile=flags/search_cifar10.flags
  bottlenet-search --flagfile=flags/search_cifar10.flags --workers=2
  bottlenet-search ... --ray_address=auto   (workdir on a shared file system)

Then: bottlenet-profile, bottlenet-select, and export.py with
--workdir=SEARCH_DIR/candidates."""

_HELP = {
    "splits": "Split points to search; unset: all of the network.",
    "channel_grid": "c': channels of the units to try.",
    "stride_grid": "s: spatial reductions to try.",
    "quality_grid": "Codec qualities to try.",
    "trial_examples": "Training images that a candidate sees in full.",
    "max_accuracy_loss": "Points below the unsplit network that are accepted.",
    "exhaustive": "Train every candidate in full, from the pretrained network.",
    "reduction": "The widest unit of each stride is trained on "
    "trial_examples/reduction^rungs; all are cut out of it and see a share of "
    "1/reduction of that. The best 1/reduction of them go on, with reduction "
    "times as many images; the last is trained in full, from the pretrained "
    "network.",
    "rungs": "How often units are dropped.",
    "max_finals": "Units trained in full for one split, while none is "
    "acceptable.",
    "search_images": "Validation images that trials are measured on; what is "
    "kept is measured on all of them, and on the test images. 0: all.",
    "workers": "Trials at a time.",
    "ray_address": "Ray cluster to run trials on ('auto', 'local', or "
    "host:port); unset: processes on this machine.",
    "trial_cpus": "CPUs that a trial asks a Ray cluster for: its threads.",
    "trial_gpus": "GPUs, or a share of one, that it asks for.",
    "retry_failed": "Repeat trials that failed before.",
}
_CURVES = {
    "curve_steps": "Training steps before a curve is measured; 0: none.",
    "optimism": "Share of its bytes that training may leave of a split that "
    "isn't trained yet; smaller trains more splits.",
    "max_trained": "Most splits to train; unset: all that can win.",
}
# The flags of train.py have these names for one value.
_FIELDS = {
    "channel_grid": "channels",
    "stride_grid": "strides",
    "quality_grid": "qualities",
}


def _main(argv):
    train_flags.refuse_arguments(argv)
    train_flags.prepare_tensorflow()
    try:
        if flags.FLAGS.unit == "learned":
            curve_search.run(flags.FLAGS, read_curves(flags.FLAGS))
            return 0
        config = read(flags.FLAGS)
        from bottlenet_tf import search
        from bottlenet_tf.cli.search_table import table

        results = search.run(config)
        print(f"\n{table(results)}\n\nResults: {config.base.workdir}")
    except (*train_flags.EXPECTED_ERRORS, ImportError) as error:
        return train_flags.report(error)
    return 0


def define(flag_values=flags.FLAGS, module_name=None):
    """Defines the flags of a search and of its trials."""
    train_flags.define(flag_values, module_name)
    common = {"flag_values": flag_values, "module_name": module_name}
    selecting_flags.define_scenarios(**common)
    flags.DEFINE_bool(
        "curves_only", False, "Measure the curves and train nothing.", **common
    )
    defaults, hints = {}, {}
    for kind in (CurveConfig, SearchConfig):
        defaults |= {f.name: f.default for f in dataclasses.fields(kind)}
        hints |= typing.get_type_hints(kind)
    makers = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        int | None: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str | None: flags.DEFINE_string,
    }
    for name, text in {**_HELP, **_CURVES}.items():
        field = _FIELDS.get(name, name)
        default = defaults[field]
        make = makers.get(hints[field], flags.DEFINE_list)
        if make is flags.DEFINE_list:
            default = [str(value) for value in default]
        make(name, default, text, **common)


def read(values):
    """Returns the `SearchConfig` of parsed flag values.

    Raises:
        ValueError: if a value or a combination is refused.
    """
    fields = {_FIELDS.get(name, name): getattr(values, name) for name in _HELP}
    for name, field in _FIELDS.items():
        fields[field] = train_flags.whole_numbers(name, fields[field])
    fields["splits"] = tuple(fields["splits"])
    fields["search_images"] = values.search_images or None
    return SearchConfig(base=train_flags.read(values), **fields)


def read_curves(values):
    """Returns the `CurveConfig` of parsed flag values.

    Raises:
        ValueError: if a value or a combination is refused.
    """
    names = {f.name for f in dataclasses.fields(CurveConfig)} - {"base"}
    fields = {name: getattr(values, name) for name in names}
    fields["splits"] = tuple(fields["splits"])
    fields["search_images"] = values.search_images or None
    return CurveConfig(base=train_flags.read(values), **fields)


def main():
    """Entry point of `bottlenet-search`."""
    define(module_name=sys.argv[0])
    program.start(_main, USAGE, cleans_up=True)


if __name__ == "__main__":
    main()
