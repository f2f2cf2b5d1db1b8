"""Tests of what files begin with in common."""

import numpy as np
import pytest

from bottlenet_tf.evaluation.shared_heads import (
    made_up_images,
    shared_heads,
    without_head,
)


class Toy:
    """A header of two bytes, one of them the darkest pixel's, and pixels."""

    def encode(self, image, quality):
        pixels = np.asarray(image.convert("L"))
        return bytes([quality, pixels.min()]) + pixels.tobytes()

    def varying(self, file):
        return file


def test_heads_are_what_two_files_begin_with():
    heads = shared_heads(Toy(), 7, (6, 4), "RGB")
    # Black and white differ in the second byte; many clouds have a black
    # pixel as well, so that black's head is longer.
    assert {b"", b"\x07"} <= heads
    assert any(head[:2] == b"\x07\x00" for head in heads)
    assert all(head[:1] in (b"", b"\x07") for head in heads)


def test_longest_head_is_left_out():
    heads = {b"", b"ab", b"abc", b"b"}
    assert without_head(b"abcd", heads) == b"d"
    assert without_head(b"abd", heads) == b"d"
    assert without_head(b"abc", heads) == b""
    assert without_head(b"xyz", heads) == b"xyz"


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 12)])
def test_made_up_images_are_the_same_everywhere_and_all_differ(size):
    images = list(made_up_images(*size))
    assert {image.size for image in images} == {size}
    assert {image.mode for image in images} == {"RGB"}
    assert images == list(made_up_images(*size))
    assert len({image.tobytes() for image in images}) == len(images)
