"""The complete signal path, with real bytes in the middle."""

import functools

import numpy as np
import tensorflow as tf

from bottlenet_tf.common import graphs
from bottlenet_tf.evaluation.identity import payload_format
from bottlenet_tf.runtime.gains import Gains
from bottlenet_tf.runtime.limit import Packer, check_one


def whole_codes(codes, dtype=np.uint8):
    """Returns float32 codes, rounded, in the codec's `code_dtype`.

    Raises:
        ValueError: if one isn't finite or doesn't fit `dtype`.
    """
    whole, limits = np.rint(codes), np.iinfo(dtype)
    # The negation also catches NaN, which compares False with anything.
    if not np.all((whole >= limits.min) & (whole <= limits.max)):
        raise ValueError(
            f"Codes must be finite and within {limits.min}..{limits.max}, "
            f"because they travel as {limits.dtype}; a network that has "
            f"diverged makes others. Received: smallest={np.min(whole)}, "
            f"largest={np.max(whole)}"
        )
    return whole.astype(dtype)


class WirePath:
    """Head and tail of one network, joined by nothing but bytes.

    Head and tail run in batches, the byte side on one image at a time. A batch
    may be empty; it is kept from the network, since oneDNN's convolutions
    refuse it.

    Operating points are given by their index; None is the unit's default.

    Args:
        model: Built `BottleNet`.
    """

    def __init__(self, model):
        self.format = payload_format(model)
        self.default_point = model.unit.default_point
        self._takes_point = model.unit.takes_point
        self._unit = model.unit
        self._num_classes = model.suffix.output_shape[-1]
        self._prefix = graphs.function(model.features, reduce_retracing=True)
        self._encode = graphs.function(
            model.encode_features, reduce_retracing=True
        )
        self._head = graphs.function(
            lambda images: model.unit.deployed_encode(model.features(images)),
            reduce_retracing=True,
        )
        self._tail = graphs.function(model.decode, reduce_retracing=True)

    @functools.cached_property
    def gains(self):
        """The unit's `Gains`; None if it doesn't take the point."""
        if not self._takes_point:
            return None
        return Gains(self._unit.gains(), self.format)

    def codes(self, images, point=None):
        """Device side up to the codec: images -> `(codes, code_range)`.

        Returns:
            Codes `(batch, *code_shape)` of the codec's type; float32
            `(batch, 2)`, zeros if the unit sends no range.

        Raises:
            ValueError: if the network's features are not finite.
        """
        point = self.default_point if point is None else point
        return self.codes_at(images, [point])[0]

    def codes_at(self, images, points):
        """Returns a list of `codes` at several points; the prefix runs once."""
        dtype, count = self.format.codec.code_dtype, len(images)
        if not count:
            codes = np.zeros((0, *self.format.shape), dtype)
            return [(codes, np.zeros((0, 2), np.float32)) for _ in points]
        feature = self._prefix(tf.convert_to_tensor(images))
        found = {}
        for point in points:
            value = self._values([point] * count)
            if value is None and found:  # The same at every point.
                found[point] = next(iter(found.values()))
                continue
            sent = self._encode(feature, value)
            ranges = np.zeros((count, 2), np.float32)
            if "range" in sent:
                ranges = sent["range"].numpy()
            codes = whole_codes(sent["codes"].numpy(), dtype)
            found[point] = codes, ranges
        return [found[point] for point in points]

    def pack(self, codes, code_range, point=None, form=None):
        """Codec and payload: `(codes, code_range)` -> list of payloads.

        Args:
            codes, code_range: As `codes` returns them.
            point: Index of their operating point.
            form: `PayloadFormat` in place of the unit's own.
        """
        form = form or self.format
        point = self.default_point if point is None else point
        return [
            form.pack(
                image,
                tuple(map(float, bounds)) if form.sends_range else None,
                point,
            )
            for image, bounds in zip(codes, code_range, strict=True)
        ]

    def encode(self, images, point=None, max_bytes=None):
        """Device side: images `(batch, H, W, 3)` -> list of payloads.

        Args:
            images: `(batch, H, W, 3)`.
            point: Index of an operating point.
            max_bytes: In place of a point, the maximum bytes of each payload;
                see `runtime.limit.Packer.fit`.

        Raises:
            ValueError: for both a point and a limit, or a limit too small; see
                `codes`.
        """
        check_one(point, max_bytes)
        if max_bytes is None:
            return self.pack(*self.codes(images, point), point)
        packer = Packer(self.format, self.gains)
        packer.check_limit(max_bytes)
        return [
            packer.fit(values, code_range, max_bytes).payload
            for values, code_range in self.run(images)
        ]

    def run(self, images):
        """Yields `(values, range)` of each image, as `Head.run` returns."""
        if not len(images):
            return
        sent = self._head(tf.convert_to_tensor(images))
        ranges = [None] * len(images)
        if "range" in sent:
            ranges = [tuple(map(float, each)) for each in sent["range"].numpy()]
        if self._takes_point:
            values = sent["coefficients"].numpy()
        else:
            dtype = self.format.codec.code_dtype
            values = whole_codes(sent["codes"].numpy(), dtype)
        yield from zip(values, ranges, strict=True)

    def decode(self, payloads, form=None):
        """Cloud side: list of payloads -> float32 logits `(batch, classes)`.

        Payloads may be of several operating points. `form` is as for `pack`.

        Raises:
            PayloadError: if a payload is corrupt or of another network.
        """
        form = form or self.format
        return self.tail([form.unpack(payload) for payload in payloads])

    def tail(self, unpacked):
        """As `decode`, from what `PayloadFormat.unpack` returned of each."""
        if not len(unpacked):
            return np.zeros((0, self._num_classes), np.float32)
        codes, ranges, points = zip(*unpacked)
        inputs = {"codes": np.stack(codes).astype(np.float32)}
        if ranges[0] is not None:
            inputs["range"] = np.array(ranges, np.float32)
        return self._tail(inputs, self._values(points)).numpy()

    def _values(self, points):
        """Returns float32 values of indices, or None if the unit takes none."""
        if not self._takes_point:
            return None
        values = [self.format.points[i] for i in points]
        return tf.constant(values, tf.float32)
