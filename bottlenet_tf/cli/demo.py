"""`make demo`: baseline, curves, deployment, selection, report, on digits."""

import dataclasses
import pathlib

from bottlenet_tf.cli import config_flags, program, surroundings, train_flags
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.config.unit import LearnedUnitConfig, UnitConfig
from bottlenet_tf.search.config import CurveConfig

USAGE = """Trains a network on handwritten digits, then measures the curve of a
learned unit at several split points without training any, trains the one that
can win and, for comparison, a unit through JPEG. Exports both, encodes some
images with the device program and lets the server's half classify them. This
machine is the server, the device is assumed to be 20 times slower. Ends with
the split and rate to choose over 3G, 4G and Wi-Fi.

Needs no download and takes a few minutes on two cores. Any flag of train.py
changes the unit through JPEG: try --channels=2 --stride=2
--workdir=runs/digits_2."""

FLAGFILE = "flags/digits.flags"


@dataclasses.dataclass(frozen=True)
class DemoConfig(Settings):
    """The splits of the demo, and the device that it assumes."""

    splits: tuple[str, ...] = setting(
        ("RB1", "RB3", "RB6"), "Split points to compare."
    )
    max_accuracy_loss: float = setting(
        3.0, "Accepted accuracy loss, in percentage points.", least=0
    )
    device_slowdown: float = setting(
        20.0,
        "How many times slower than this machine the device is assumed to be.",
        above=0,
    )
    rtt_ms: float = setting(
        5.0, "Assumed round trip to the server, in ms.", least=0
    )
    baseline_epochs: int = setting(
        5, "Epochs of the network without a split.", least=0
    )


@program.entry(
    USAGE,
    {config_flags.OWN: (DemoConfig,), **train_flags.SECTIONS},
    cleans_up=True,
    # Frozen blocks train faster; the flagfile alone has no baseline to freeze.
    defaults=(
        f"--flagfile={FLAGFILE}",
        "--freeze_prefix",
        "--tuned_rivals=jpeg",
    ),
)
def main(values):
    """Entry point of `make demo`."""
    # The splits start from the baseline that the demo trains first.
    baseline = str(pathlib.Path(values.workdir) / "baseline")
    values["backbone_weights"].value = baseline
    demo = config_flags.read(DemoConfig, values)
    config = train_flags.read(values)
    training = surroundings.with_tensorflow("training")
    from bottlenet_tf import evaluation
    from bottlenet_tf.cli import curve_search, demo_halves, demo_selection
    from bottlenet_tf.search import curves
    from bottlenet_tf.search.candidates import CANDIDATES

    root = pathlib.Path(config.workdir)
    print("== The network without a split ==", flush=True)
    training.run(_baseline(config, demo))
    print("\n== The curve of each split, without training ==", flush=True)
    found = curves.find_curves(_search(config, demo))
    print("\n".join(curve_search.table(found)), flush=True)
    print("\n== The unit that can win, for all rates ==", flush=True)
    results = found.train(demo_selection.prices(found, demo))
    if not results["trained"]:
        raise ValueError(
            "The unit could not be trained; its log.txt says why. "
            f"Received: workdir={found.root / CANDIDATES}"
        )
    split = next(iter(results["trained"]))
    print("\n".join(curve_search.table(found)), flush=True)
    print("\n== Through JPEG, for one rate ==", flush=True)
    runs = [root / CANDIDATES / split, root / CANDIDATES / f"{split}_jpeg"]
    training.run(dataclasses.replace(config, split=split, workdir=str(runs[1])))
    reports = [evaluation.load_report(folder) for folder in runs]
    plot = root / "rate_accuracy.png"
    evaluation.plot_rate_accuracy(reports, plot)
    text = evaluation.markdown_table(reports)
    (root / "results.md").write_text(text + "\n")
    print(f"\n== Results ==\n\n{text}\n")
    print("== Deployed, as device and server run it ==\n", flush=True)
    deploy = demo_halves.export_all(root, runs)
    demo_halves.send(root, deploy / split, training.load_data(config))
    print("\n== Which split, at which rate? ==", flush=True)
    page = demo_selection.run(root, deploy, runs, demo)
    print(f"\nReport: {page}")
    print(f"Deployment: {deploy}")
    print(f"Picture: {plot}")
    print(f"Curves and planes: tensorboard --logdir={root}")


def _baseline(config, demo):
    """The network without a split."""
    return dataclasses.replace(
        config,
        mode="baseline",
        workdir=config.backbone_weights,
        backbone_weights=None,
        unit=UnitConfig(),
        freeze_prefix=False,
        rate_weight=0.0,
        epochs=demo.baseline_epochs,
        distillation=0.0,
        codec_warmup=0.0,
        tuned_rivals=(),
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=1e-3,
    )


def _search(config, demo):
    """Learned units at some splits, small ones; the best of them is trained."""
    unit = LearnedUnitConfig(
        patch_channels=16,
        mixed=128,
        mixed_to=64,
        coefficients=64,
        synthesis_width=16,
        num_points=8,
        coarse_rate_weight=0.02,
        statistics_images=1000,
    )
    unset = (
        "optimizer", "learning_rate", "weight_decay", "distillation",
        "feature_weight", "clip_norm",
    )  # fmt: skip
    base = dataclasses.replace(
        config,
        mode="tail",
        unit=unit,
        freeze_prefix=False,
        rate_weight=0.0,
        codec_warmup=0.0,
        tuned_rivals=(),
        **dict.fromkeys(unset),
    )
    return CurveConfig(
        base=base,
        splits=demo.splits,
        max_accuracy_loss=demo.max_accuracy_loss,
        search_images=None,
        workers=min(2, len(demo.splits)),
        max_trained=1,
    )


if __name__ == "__main__":
    main()
