"""Training with the codec against switching it on afterwards (figure 7)."""

from bottlenet_tf.report import palette
from bottlenet_tf.report.picture import Picture, is_narrow, new_figure

_LOOKS = {
    "aware": ("trained with the codec", palette.AWARE, "o", "-"),
    "naive": ("codec switched on afterwards", palette.NAIVE, "X", "--"),
}
_HEADER = ("mode", "quality", "accuracy_percent", "wire_bytes")


def picture(modes):
    """Returns the `Picture` of a `modes_file.Modes`."""
    ahead = _ahead(modes)
    return Picture(
        name="aware_naive",
        caption=(
            f"One network, {modes.network} split after {modes.unit}: trained "
            "with JPEG in the loop, once for each quality, and trained "
            f"without, then sent through JPEG. {ahead}"
        ),
        alt=f"Accuracy over JPEG quality for two ways of training. {ahead}",
        draw=lambda width: _draw(modes, width),
        header=_HEADER,
        rows=[
            [mode, *point]
            for mode, points in modes.points.items()
            for point in points
        ],
        origins=(modes.origin,),
    )


def _ahead(modes):
    """Says where training with the codec wins, and where it doesn't."""
    naive = {
        quality: accuracy for quality, accuracy, _ in modes.points["naive"]
    }
    gaps = [
        (accuracy - naive[quality], quality)
        for quality, accuracy, _ in modes.points["aware"]
        if quality in naive
    ]
    if not gaps:
        return "No quality was measured both ways."
    most, least = max(gaps), min(gaps)
    told = f"Training with it gives {most[0]:+.2f} points at quality {most[1]}"
    if least[1] != most[1]:
        told += f" and {least[0]:+.2f} at quality {least[1]}"
    return told.replace("-", "−") + "."


def _draw(modes, width):
    figure = new_figure(width, 3.8 if is_narrow(width) else 3.9)
    axes = figure.add_subplot()
    for mode, (name, color, marker, line) in _LOOKS.items():
        points = modes.points[mode]
        axes.plot(
            [quality for quality, _, _ in points],
            [accuracy for _, accuracy, _ in points],
            color=color, marker=marker, linestyle=line, label=name,
        )  # fmt: skip
    known = modes.network_accuracy
    if known is not None:
        axes.axhline(
            known, color=palette.PALE, linewidth=1, linestyle=":",
            label=f"network, unsplit: {known:.2f} %",
        )  # fmt: skip
    axes.set_xlabel("JPEG quality of the plane")
    axes.set_ylabel("accuracy (%)")
    axes.grid(True)
    axes.legend(loc="lower right", fontsize=8)
    return figure
