"""Tests of the signal path with real bytes in the middle."""

import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.codec import Codec, PayloadError, PayloadFormat, create_codec
from bottlenet_tf.evaluation import split
from bottlenet_tf.evaluation.wire_path import whole_codes


class BlackCodec(Codec):
    """Sends one byte and decodes anything to zeros."""

    name = "black"

    def encode(self, codes, point=0):
        return b"\x07"

    def decode(self, data, shape, point=0):
        return np.zeros(shape, np.uint8)


def test_sizes_are_the_lengths_of_payloads_packed_alone(
    make_bottlenet, dataset
):
    model = make_bottlenet(quality=60)
    sent = model.encode(dataset.images)
    form = PayloadFormat(
        evaluation.unit_id(model), (4, 4, 3), create_codec("jpeg", quality=60),
        sends_range=True,
    )  # fmt: skip
    expected = [
        len(form.pack(np.rint(c).astype(np.uint8), tuple(map(float, r))))
        for c, r in zip(
            np.asarray(sent["codes"]), np.asarray(sent["range"]), strict=True
        )
    ]
    result = evaluation.evaluate_split(model, dataset, progress=False).default
    np.testing.assert_array_equal(result.wire_bytes, expected)
    np.testing.assert_array_equal(result.payload_bytes + 8, expected)
    assert result.overhead_bytes == 8


def test_lossless_bytes_give_the_logits_without_codec(make_bottlenet, dataset):
    model = make_bottlenet(codec="raw")
    payloads = evaluation.WirePath(model).encode(dataset.images)
    logits = evaluation.WirePath(model).decode(payloads)
    expected = np.asarray(model(dataset.images, use_codec=False))
    # One graph against another: float32 sums in another order.
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.onednn
@pytest.mark.parametrize("quantizer", ["per_image", "learned"])
def test_no_images_give_no_payloads_and_no_logits(
    make_bottlenet, dataset, quantizer
):
    path = evaluation.WirePath(make_bottlenet(quantizer=quantizer))
    assert path.encode(dataset.images[:0]) == []
    codes, ranges = path.codes(dataset.images[:0])
    assert (codes.shape, ranges.shape) == ((0, 4, 4, 3), (0, 2))
    logits = path.decode([])
    assert (logits.shape, logits.dtype) == ((0, 4), np.float32)


@pytest.mark.onednn
@pytest.mark.parametrize("quantizer", ["per_image", "learned"])
def test_bytes_agree_with_the_graph_form_of_jpeg(
    make_bottlenet, dataset, quantizer
):
    model = make_bottlenet(quantizer=quantizer, quality=50)
    payloads = evaluation.WirePath(model).encode(dataset.images)
    logits = evaluation.WirePath(model).decode(payloads)
    # A feature may round to the next code in one of the two graphs, which
    # moves a logit by about 1/255 of the range.
    np.testing.assert_allclose(
        logits, np.asarray(model(dataset.images)), atol=2e-2
    )


def test_accuracy_is_counted_in_percent_and_over_all_batches(
    make_bottlenet, dataset, make_dataset
):
    model = make_bottlenet()
    payloads = evaluation.WirePath(model).encode(dataset.images)
    labels = np.argmax(evaluation.WirePath(model).decode(payloads), -1)
    labels[:5] = (labels[:5] + 1) % 4  # 5 of 20 wrong
    curve = evaluation.evaluate_split(
        model, make_dataset(dataset.images, labels), 7, progress=False
    )
    assert curve.default.accuracy == 75.0


def test_tail_sees_the_codes_that_came_out_of_the_bytes(
    make_bottlenet, dataset, make_dataset
):
    model = make_bottlenet(quantizer="learned")
    black = np.zeros((1, 4, 4, 3), np.float32)
    answer = int(np.argmax(model.decode({"codes": black})))
    everywhere = make_dataset(dataset.images, np.full(20, answer, np.int32))
    honest = evaluation.evaluate_split(model, everywhere, progress=False)
    assert honest.default.accuracy < 100.0
    (result,) = evaluation.evaluate_codecs(
        model, everywhere, [BlackCodec()], progress=False
    )
    assert result.accuracy == 100.0
    assert set(result.wire_bytes) == {7}  # 6 of header, 1 of image data


def test_many_codecs_give_what_each_gives_alone(make_bottlenet, dataset):
    model = make_bottlenet()
    codecs = [create_codec("jpeg", quality=quality) for quality in (10, 90)]
    both = evaluation.evaluate_codecs(model, dataset, codecs, 7, progress=False)
    for codec, result in zip(codecs, both, strict=True):
        (alone,) = evaluation.evaluate_codecs(
            model, dataset, [codec], progress=False
        )
        assert result.accuracy == alone.accuracy
        np.testing.assert_array_equal(result.wire_bytes, alone.wire_bytes)
    assert both[0].wire_bytes.mean() < both[1].wire_bytes.mean()


def test_sizes_do_not_depend_on_the_batch(make_bottlenet, dataset):
    model = make_bottlenet()
    curves = [
        evaluation.evaluate_split(model, dataset, b, progress=False)
        for b in (3, 20)
    ]
    np.testing.assert_array_equal(*(c.default.wire_bytes for c in curves))


def test_a_curve_has_what_each_quality_gives_alone(make_bottlenet, dataset):
    model = make_bottlenet(quality=[90, 10])
    curve = evaluation.evaluate_split(model, dataset, 7, progress=False)
    assert curve.points == (90, 10) and curve.default is curve.results[0]
    codecs = [create_codec("jpeg", quality=quality) for quality in (90, 10)]
    alone = evaluation.evaluate_codecs(model, dataset, codecs, progress=False)
    for got, want in zip(curve.results, alone, strict=True):
        assert got.accuracy == want.accuracy
        np.testing.assert_array_equal(got.wire_bytes, want.wire_bytes)


def test_a_batch_mixes_operating_points(make_bottlenet, dataset):
    path = evaluation.WirePath(make_bottlenet(quality=[90, 10, 40]))
    points = [i % 3 for i in range(20)]
    alone = [path.encode(dataset.images, point) for point in range(3)]
    mixed = [alone[point][i] for i, point in enumerate(points)]
    assert [path.format.unpack(payload).point for payload in mixed] == points
    logits = path.decode(mixed)
    for i, point in enumerate(points):
        want = path.decode([alone[point][i]])[0]
        # One image against a batch: float32 sums in another order.
        np.testing.assert_allclose(logits[i], want, rtol=1e-4, atol=1e-5)


def test_without_a_point_payloads_are_of_the_default_one(
    make_bottlenet, dataset
):
    model = make_bottlenet(quality=[90, 10])
    path = evaluation.WirePath(model)
    assert path.encode(dataset.images) == path.encode(dataset.images, 0)
    model.unit.default_point = 1
    other = evaluation.WirePath(model)
    assert other.encode(dataset.images) == path.encode(dataset.images, 1)
    curve = evaluation.evaluate_split(model, dataset, progress=False)
    assert curve.default is curve.results[1]


def test_payloads_of_another_training_are_refused(make_bottlenet, dataset):
    payloads = evaluation.WirePath(make_bottlenet(seed=1)).encode(
        dataset.images[:2]
    )
    with pytest.raises(PayloadError, match="unit"):
        evaluation.WirePath(make_bottlenet(seed=2)).decode(payloads)


def test_diverged_network_is_an_error_not_a_size(make_bottlenet, dataset):
    # In the range: a fused convolution and ReLU would turn NaN into 0.
    model = make_bottlenet(quantizer="learned")
    model.unit.quantizer.high.assign(np.nan)
    with pytest.raises(ValueError, match="finite"):
        evaluation.evaluate_split(model, dataset, progress=False)


def test_codes_a_little_off_a_whole_number_are_rounded():
    codes = whole_codes(np.float32([84.9999, 85.0001, -0.4, 255.4]))
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes, [85, 85, 0, 255])


@pytest.mark.parametrize("value", [-0.6, 255.6, np.nan, np.inf])
def test_codes_that_fit_no_byte_are_refused(value):
    with pytest.raises(ValueError, match="finite and within 0..255"):
        whole_codes(np.float32([0, value]))


def test_codes_of_another_type_have_its_limits():
    codes = whole_codes(np.float32([-32768.4, 32767.4]), np.int16)
    assert codes.dtype == np.int16 and codes.tolist() == [-32768, 32767]
    with pytest.raises(ValueError, match="-32768..32767.*as int16"):
        whole_codes(np.float32([32768]), np.int16)


def test_summary_by_hand():
    # 1..20: mean and median 10.5; 19 images of 20 have at most 19 bytes.
    sizes = np.arange(1, 21)
    assert split.summarize(sizes) == (10.5, 10.5, 19.0, 20.0, 20.0)
    # Of 200, 198 have at most 198 bytes.
    assert split.summarize(np.arange(1, 201))[3:] == (198.0, 200.0)


def test_no_test_images_is_an_error(make_bottlenet, make_dataset):
    empty = make_dataset(
        np.zeros((0, 16, 16, 3), np.uint8), np.zeros(0, np.int32)
    )
    with pytest.raises(ValueError, match="at least one image"):
        evaluation.evaluate_split(make_bottlenet(), empty, progress=False)
