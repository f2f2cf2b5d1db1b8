"""The pieces of JPEG, PNG and WebP files; hostile bytes too."""

import struct
import zlib

# Pieces of a valid file have kilobytes; an empty one takes 4 bytes.
_FREE_PIECES, _BYTES_A_PIECE = 4096, 256
_SLICE = 4096  # Bytes that inflate to at most 4 MiB.

# Adam7: first column, first row, steps between columns and between rows.
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
    (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def jpeg_segments(data):
    """Yields `(marker, body)` of a JPEG's segments before its first table."""
    left, at = _most_pieces(data), 2
    while data[at : at + 1] == b"\xff":
        marker = data[at + 1 : at + 2]
        if marker == b"\xff":  # A fill byte.
            at += 1
            continue
        is_application = b"\xe0" <= marker <= b"\xef"
        is_comment = marker == b"\xfe"
        if len(data) < at + 4 or not (is_application or is_comment):
            return
        left = _one_fewer(left)
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker[0], data[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def webp_chunks(data):
    """Yields `(name, body)` of a WebP's chunks."""
    left, at = _most_pieces(data), 12
    while len(data) >= at + 8:
        left = _one_fewer(left)
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def png_chunks(data):
    """Yields `(name, body)` of a PNG's chunks, up to its end.

    Raises ValueError if the end is missing or any checksum is wrong, even of a
    chunk that no pixel depends on.
    """
    left, at, name = _most_pieces(data), 8, b""
    whole = memoryview(data)
    while name != b"IEND":
        left = _one_fewer(left)
        if len(data) < at + 12:
            raise ValueError("it ends too early")
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if len(data) < end + 4:
            raise ValueError("it ends too early")
        checksum = struct.unpack_from(">I", data, end)[0]
        if zlib.crc32(whole[at + 4 : end]) & 0xFFFFFFFF != checksum:
            raise ValueError(
                "the checksum of a chunk {!r} is wrong".format(name)
            )
        yield name, whole[at + 8 : end]
        at = end + 4


def check_png(data):
    """Raises ValueError for a PNG that is damaged or lacks rows.

    Pillow leaves missing rows black. To count them, the pixels are inflated
    in small pieces, in bounded memory.
    """
    missing, inflate = None, zlib.decompressobj().decompress
    for name, body in png_chunks(data):
        if missing is None:
            if name != b"IHDR" or len(body) != 13:
                raise ValueError("it doesn't begin with its dimensions")
            missing = _inflated_bytes(*struct.unpack(">IIBBBBB", body))
        elif name == b"IDAT":
            for at in range(0, len(body), _SLICE):
                if missing <= 0:
                    break
                try:
                    missing -= len(inflate(body[at : at + _SLICE]))
                except zlib.error as error:
                    raise ValueError(str(error)) from None
    if missing > 0:
        raise ValueError("it has fewer rows than its header says")


def _inflated_bytes(width, height, depth, colours, _, __, interlaced):
    """Returns the bytes of all rows, each with the byte of its filter."""
    if colours not in _CHANNELS:
        raise ValueError("its colour type is {}".format(colours))
    bits, total = depth * _CHANNELS[colours], 0
    for left, top, right, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns = max(0, -(-(width - left) // right))
        rows = max(0, -(-(height - top) // down))
        if columns:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _most_pieces(data):
    return _FREE_PIECES + len(data) // _BYTES_A_PIECE


def _one_fewer(left):
    if left <= 0:
        raise ValueError("it has too many pieces")
    return left - 1
