"""Tests of the diagrams and the mosaic."""

import copy

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from bottlenet_tf import evaluation
from bottlenet_tf.codec import tiling
from bottlenet_tf.common.diagrams import place_labels
from bottlenet_tf.evaluation import plots

REPORT = {
    "dataset": "tiny",
    "dataset_fingerprint": "0123",
    "measured_on": "test",
    "num_images": 20,
    "backbone": "net",
    "split": "RB1",
    "mode": "aware",
    "accuracy": 70.0,
    "baseline_accuracy": 80.0,
    "wire_bytes_mean": 90.0,
    "label_only": {"bytes": 1},
    "flags": {"unit": {"channels": 2, "quality": 20}},
    "cloud_only": [
        {
            "codec": codec,
            "side": side,
            "bytes": size + shift,
            "accuracy": accuracy,
        }
        for codec, side, shift in (
            ("jpeg", 32, 0),
            ("webp", 32, 20),
            ("webp", 8, 9),
        )
        for size, accuracy in ((100, 40.0), (300, 70.0), (900, 79.0))
    ],
}


def _variant(**changes):
    return {**copy.deepcopy(REPORT), **changes}


def _is_picture(path):
    with Image.open(path) as image:
        return image.format == "PNG" and min(image.size) > 300


def test_rate_accuracy_is_drawn(tmp_path):
    reports = [
        REPORT,
        _variant(mode="naive", accuracy=50.0),
        _variant(split="RB2", accuracy=70.5, wire_bytes_mean=92.0),
    ]
    path = tmp_path / "new" / "rate.png"
    assert evaluation.plot_rate_accuracy(reports, path) == path
    assert _is_picture(path)


def test_rate_accuracy_without_baselines_or_unit_is_drawn(tmp_path):
    bare = _variant(baseline_accuracy=None, cloud_only=[], label_only=None)
    evaluation.plot_rate_accuracy([bare], tmp_path / "a.png")
    baseline = _variant(mode="baseline", split=None)
    del baseline["wire_bytes_mean"]
    evaluation.plot_rate_accuracy([baseline], tmp_path / "b.png")
    assert _is_picture(tmp_path / "a.png") and _is_picture(tmp_path / "b.png")


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Function that draws reports, and returns the Matplotlib axes."""
    kept = []
    monkeypatch.setattr(plots, "_save", lambda figure, _: kept.append(figure))

    def draw(*reports):
        evaluation.plot_rate_accuracy(reports, tmp_path / "rate.png")
        (axes,) = kept.pop().axes
        return axes

    return draw


def _lines(axes):
    """Returns `{label: [points]}` of what has one in the legend."""
    return {
        line.get_label(): list(zip(*line.get_data()))
        for line in axes.get_lines()
    }


POINTS = [
    {"wire_bytes_mean": size, "accuracy": accuracy}
    for size, accuracy in ((40.0, 60.0), (90.0, 70.0), (200.0, 79.0))
]
LEARNED = {"unit": {"kind": "learned"}}


def test_a_unit_of_several_points_is_a_curve_with_its_default_marked(drawn):
    report = _variant(mode="frozen", points=POINTS, flags=LEARNED)
    axes = drawn(report)
    assert _lines(axes)["learned unit, backbone frozen"] == [(90.0, 70.0)]
    joined = [(40.0, 60.0), (90.0, 70.0), (200.0, 79.0)]
    assert joined in [list(zip(*li.get_data())) for li in axes.get_lines()]
    assert axes.get_xscale() == "log"


def test_units_of_one_point_at_a_split_are_joined_and_all_marked(drawn):
    other = _variant(
        wire_bytes_mean=300.0, accuracy=75.0,
        flags={"unit": {"channels": 2, "quality": 60}},
    )  # fmt: skip
    axes = drawn(other, REPORT, _variant(split="RB2"))
    both = [(90.0, 70.0), (300.0, 75.0)]
    assert _lines(axes)["split, trained with the codec"] == both
    drawn_lines = [
        line.get_linestyle()
        for line in axes.get_lines()
        if list(zip(*line.get_data())) == both
    ]
    assert drawn_lines == ["None", "-"]
    labels = {text.get_text() for text in axes.texts}
    assert {"RB1 c2 q20", "RB1 c2 q60", "RB2"} <= labels


@pytest.mark.parametrize("mode", ["aware", "tail", "frozen", "naive"])
def test_every_way_of_training_is_drawn(drawn, mode):
    lines = _lines(drawn(_variant(mode=mode))).values()
    assert [(90.0, 70.0)] in lines


@pytest.mark.parametrize(
    "other",
    [
        {"dataset": "other"},
        {"dataset_fingerprint": "4567"},
        {"baseline_accuracy": 81.0},
    ],
)
def test_reports_of_different_data_or_networks_are_not_compared(
    tmp_path, other
):
    with pytest.raises(ValueError, match="same images"):
        evaluation.plot_rate_accuracy(
            [REPORT, _variant(**other)], tmp_path / "x.png"
        )


def test_a_failed_picture_leaves_the_old_one(tmp_path, monkeypatch):
    path = evaluation.plot_rate_accuracy([REPORT], tmp_path / "rate.png")
    before = path.read_bytes()

    def fail(self, file, **_):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="no space"):
        evaluation.plot_rate_accuracy([REPORT], path)
    assert path.read_bytes() == before


def test_aware_against_naive_is_drawn(tmp_path):
    points = [
        {"mode": mode, "quality": q, "accuracy": best - 100 / (q + 2)}
        for mode, best in (("aware", 75), ("naive", 70))
        for q in (100, 1, 20, 50)
    ]
    path = tmp_path / "figure7.png"
    evaluation.plot_aware_against_naive(points, path, network_accuracy=76.0)
    assert _is_picture(path)


@pytest.mark.parametrize("missing", ["aware", "naive"])
def test_a_way_of_training_without_points_is_left_out(missing, tmp_path):
    points = [
        {"mode": mode, "quality": 20, "accuracy": 70.0}
        for mode in ("aware", "naive")
        if mode != missing
    ]
    path = tmp_path / "figure7.png"
    evaluation.plot_aware_against_naive(points, path)
    assert _is_picture(path)


def test_units_of_datta_s_kind_are_told_apart_by_lambda(drawn):
    units = (
        {"kind": "datta", "channels": 8, "task_weight": weight}
        for weight in (300.0, 1000.0)
    )
    axes = drawn(
        *(
            _variant(flags={"unit": unit}, wire_bytes_mean=50.0 * i)
            for i, unit in enumerate(units, 1)
        )
    )
    labels = {text.get_text() for text in axes.texts}
    assert {"RB1 c8 λ300", "RB1 c8 λ1000"} <= labels


def test_labels_of_close_points_do_not_overlap():
    figure = Figure(figsize=(6, 4))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 10)
    labels = [(5 + 0.1 * i, 5.0, f"label {i}") for i in range(8)]
    place_labels(axes, labels, [(x, 5.5) for x in np.linspace(0, 10, 50)])
    renderer = figure.canvas.get_renderer()
    boxes = [Text.get_window_extent(text, renderer) for text in axes.texts]
    assert len(boxes) == 8
    assert [box.count_overlaps(boxes) for box in boxes] == [1] * 8


def test_labels_keep_off_markers():
    figure = Figure(figsize=(3, 3))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 10)
    # A marker of 20 pt beside the point, where a label is written first.
    axes.plot(6.5, 5, "o", markersize=20)
    label = [(5, 5, "RB1")]
    renderer = figure.canvas.get_renderer()
    place_labels(axes, label, [], markers=[(6.5, 5)], size=20)
    x, y = axes.transData.transform((6.5, 5))
    box = Text.get_window_extent(axes.texts[0], renderer)
    half = renderer.points_to_pixels(10)
    assert not (box.x1 > x - half and box.y0 < y + half and box.y1 > y - half)


def test_mosaic_holds_image_plane_and_decoded_plane(
    make_bottlenet, make_images
):
    model = make_bottlenet(quality=30)
    images = make_images(2)
    mosaic = evaluation.plane_mosaic(model, images)
    # Cells of 128 with separators of 2: three rows, two columns.
    assert mosaic.dtype == np.uint8
    assert mosaic.shape == (3 * 128 + 4 * 2, 2 * 128 + 3 * 2, 3)
    # 16 px enlarged 8-fold; 3 channels of 4x4 in 2x2 tiles enlarged 16-fold.
    np.testing.assert_array_equal(mosaic[2:130:8, 2:130:8], images[0])
    codes = np.rint(model.encode(images)["codes"]).astype(np.uint8)
    plane = tiling.tile(codes[1])
    np.testing.assert_array_equal(mosaic[132:260:16, 132:260:16, 0], plane)
    codec = model.unit.byte_codec
    decoded = codec.decode(codec.encode(codes[1]), codes[1].shape)
    np.testing.assert_array_equal(
        mosaic[262:390:16, 132:260:16, 1], tiling.tile(decoded)
    )


@pytest.mark.parametrize("kept", [[True, False], [True, True], []])
def test_samples_are_drawn_whichever_are_kept(kept, tmp_path):
    samples = [
        {"wire_bytes_mean": 10.0 + i, "accuracy": 50.0, "kept": each}
        for i, each in enumerate(kept)
    ]
    path = evaluation.plot_samples(samples, tmp_path / "a.png", 90.0)
    with Image.open(path) as image:
        width, height = image.size
    # 8 inches of 140 dots; 3.5 inches, the legend's line and a margin.
    assert width == 1120 and 490 <= height <= 560
