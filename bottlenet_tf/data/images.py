"""Pixels from bytes, then the crop that the network sees."""

import dataclasses

import numpy as np
import tensorflow as tf

from bottlenet_tf.runtime import decoder
from bottlenet_tf.runtime.images import MOST_ASPECT

POLICIES = ("auto", "pad_crop", "resize_crop", "none")

# Up to this size the usual recipe is padding and cropping (CIFAR is 32 px,
# Tiny-ImageNet 64 px); above it, resizing and cropping.
LARGEST_PADDED_SIZE = 64

_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_JPEG_START = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
_JPEG_TABLE = b"\xff\xdb"
_HEAD = 300  # JFIF's marker takes 20 bytes, two tables up to 266.


def decode_image(data):
    """Decodes one image file, as the device does: see `decoder.decode`.

    In a graph, TensorFlow decodes the formats on which all decoders agree, to
    the same pixels: PNG as TFDS stores it and baseline JPEG without EXIF. That
    takes 0.6 times the processor time at 84 px and 0.85 at 500 x 375, crop
    included, and no Python thread waits for another.

    Returns:
        uint8 tensor `(height, width, 3)`.
    """
    if tf.executing_eagerly():
        return tf.constant(decoder.decode(data.numpy()))
    # Followed by zeros, so that no access is out of range.
    head = [tf.strings.substr(data, 0, _HEAD), b"\0" * (_HEAD + 10)]
    head = tf.strings.join(head)
    choices = [
        (
            _is_plain_png(data, head),
            lambda: tf.io.decode_png(data, channels=3),
        ),
        (
            _is_plain_jpeg(head),
            lambda: tf.io.decode_jpeg(
                data, channels=3, dct_method="INTEGER_ACCURATE"
            ),
        ),
    ]
    image = tf.case(
        choices,
        lambda: tf.numpy_function(
            decoder.decode, [data], tf.uint8, stateful=False
        ),
    )
    return tf.ensure_shape(image, (None, None, 3))


def _is_plain_png(data, head):
    """Whether a file is header, one chunk of pixels, end and nothing else."""
    size = tf.strings.length(data)
    piece = tf.io.decode_raw(
        tf.strings.substr(head, 33, 4), tf.int32, little_endian=False
    )[0]
    return (
        _has(head, 0, _PNG_START)
        # 8 bits, grey or RGB, neither filtered nor compressed in other ways,
        # not interlaced.
        & _has(head, 24, b"\x08\0\0\0\0", b"\x08\2\0\0\0")
        & _has(head, 37, b"IDAT")
        & (piece == size - 33 - 12 - 12)
        & _has(data, tf.maximum(size - 12, 0), _PNG_END)
    )


def _is_plain_jpeg(head):
    """Whether JFIF's marker, tables and a frame follow, and nothing else.

    The frame is grey or colour and not progressive: libraries differ in how
    they smooth one whose last scans are missing.
    """
    first = tf.constant(len(_JPEG_START) + 9)
    second = _behind_table(head, first)
    frame = _behind_table(head, second)
    return (
        _has(head, 0, _JPEG_START)
        & _has(head, first, _JPEG_TABLE)
        & _has(head, frame, b"\xff\xc0")
        & _has(head, frame + 9, b"\1", b"\3")
    )


def _behind_table(head, at):
    """Returns where the next segment begins if a table does here, else `at`."""
    length = tf.io.decode_raw(
        tf.strings.substr(head, at + 2, 2), tf.uint16, little_endian=False
    )[0]
    behind = tf.minimum(at + 2 + tf.cast(length, tf.int32), _HEAD)
    return tf.where(_has(head, at, _JPEG_TABLE), behind, at)


def _has(text, start, *choices):
    part = tf.strings.substr(text, start, len(choices[0]))
    return tf.reduce_any(part == list(choices))


def resize_shorter_side(image, size):
    """Resizes so that the shorter side becomes `size`; the ratio stays.

    Bilinear with half-pixel centres; antialiased when it shrinks. The result
    is 0.5 too large, so that a cast to uint8, which truncates, rounds it:
    adding that to the small image saves a pass over the large one. The ends of
    an image more than 8 times as long as wide are cut off first.

    Args:
        image: uint8 tensor `(height, width, 3)`.
        size: Integer number of pixels.

    Returns:
        float32 tensor `(height', width', 3)` in 0.5..255.5.
    """
    image = tf.convert_to_tensor(image)
    # A graph that knows the image's size needs no branches: half the time.
    is_known = image.shape.is_fully_defined()
    numbers, cond = (np, _cond) if is_known else (tf, tf.cond)
    sides = np.array(image.shape[:2]) if is_known else tf.shape(image)[:2]
    longest = MOST_ASPECT * numbers.minimum(sides[0], sides[1])
    ends = numbers.maximum(sides - longest, 0) // 2
    sides -= 2 * ends
    image = cond(
        numbers.maximum(ends[0], ends[1]) > 0,
        lambda: image[ends[0] :, ends[1] :][: sides[0], : sides[1]],
        lambda: image,
    )
    shorter = numbers.minimum(sides[0], sides[1])
    target = numbers.round(size * sides / shorter)
    target = np.int32(target) if is_known else tf.cast(target, tf.int32)
    raised = tf.cast(image, tf.float32) + 0.5
    # Antialiasing changes nothing when it enlarges, but takes 2.6 times as
    # long (84 to 256 px on two cores: 430 against 1,110 images/s).
    return cond(
        shorter > size,
        lambda: tf.image.resize(raised, target, antialias=True),
        lambda: tf.image.resize(raised, target),
    )


def _cond(condition, then, otherwise):
    """Does the same as `tf.cond` for a condition that is known."""
    return then() if condition else otherwise()


def crop(image, size, offset):
    """Cuts the window `(size, size)` whose top-left corner is `offset`."""
    window = tf.slice(image, tf.concat([offset, [0]], 0), [size, size, 3])
    return tf.ensure_shape(window, (size, size, 3))


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """From a decoded image of any size to `(image_size, image_size, 3)`.

    Evaluation resizes the shorter side to `resize` and crops the centre.
    Training, by policy:
        resize_crop: the same, but the crop is random (the paper's recipe).
        pad_crop: that centre crop, zero-padded by `image_size // 8` on every
            side, then cropped at random (He et al.'s recipe for CIFAR).
        none: as evaluation.
    Half of the training images are mirrored when `flip` is true.

    Reference:
        BottleNet, arXiv:1902.01000, section 4 (random 224 px crops).
        He et al., 2015, arXiv:1512.03385, section 4.2.
    """

    policy: str
    image_size: int
    resize: int
    flip: bool

    @classmethod
    def resolve(cls, policy, image_size, resize=None, flip=None):
        """Resolves "auto" and None; see `bottlenet_tf.data.load`."""
        if policy not in POLICIES:
            raise ValueError(
                f"`augmentation` must be one of {', '.join(POLICIES)}. "
                f"Received: augmentation={policy!r}"
            )
        if image_size < 1:
            raise ValueError(
                "`image_size` must be at least 1, because it counts pixels. "
                f"Received: image_size={image_size}"
            )
        if policy == "auto":
            small = image_size <= LARGEST_PADDED_SIZE
            policy = "pad_crop" if small else "resize_crop"
        if resize is not None and policy != "resize_crop":
            raise ValueError(
                "`resize` belongs to augmentation='resize_crop' only; the "
                "other policies resize to `image_size`. "
                f"Received: resize={resize}, augmentation={policy!r}"
            )
        if policy != "resize_crop":
            resize = image_size
        elif resize is None:
            resize = round(image_size * 8 / 7)  # 224 -> 256, as in the paper
        if resize < image_size:
            raise ValueError(
                "`resize` must be at least `image_size`, because the crop is "
                "cut from the resized image. "
                f"Received: resize={resize}, image_size={image_size}"
            )
        flip = policy != "none" if flip is None else bool(flip)
        return cls(policy, image_size, resize, flip)

    @property
    def evaluation_key(self):
        """Identifies the preprocessing of test images in fingerprints."""
        return f"bilinear-centre-v1/{self.resize}/{self.image_size}"

    def evaluate(self, image):
        """Centre crop: uint8 `(h, w, 3)` to `(image_size, image_size, 3)`."""
        resized = resize_shorter_side(image, self.resize)
        margin = tf.shape(resized)[:2] - self.image_size
        window = crop(resized, self.image_size, margin // 2)
        return tf.cast(window, tf.uint8)

    def augment(self, image, key):
        """Random crop and flip, a pure function of the image and `key`.

        Args:
            image: uint8 tensor `(height, width, 3)`.
            key: int64 tensor `(2,)`; equal keys give equal results.

        Returns:
            uint8 tensor `(image_size, image_size, 3)`.
        """
        draws = tf.random.stateless_uniform([3], key, alg="philox")
        if self.flip:
            # Before resizing, where there are fewer pixels to move: the
            # mirror image of a random window is a random window.
            image = tf.cond(
                draws[2] < 0.5, lambda: tf.reverse(image, [1]), lambda: image
            )
        if self.policy == "none":
            return self.evaluate(image)
        if self.policy == "pad_crop":
            pad = self.image_size // 8
            pads = [[pad, pad], [pad, pad], [0, 0]]
            large = tf.pad(self.evaluate(image), pads)
        else:
            large = resize_shorter_side(image, self.resize)
        choices = tf.shape(large)[:2] - self.image_size + 1
        # A draw is below 1, but its float32 product may round up to n.
        offset = tf.cast(draws[:2] * tf.cast(choices, tf.float32), tf.int32)
        offset = tf.minimum(offset, choices - 1)
        return tf.cast(crop(large, self.image_size, offset), tf.uint8)
