"""The coded frame of an AVIF file: all that varies between images.

    file: boxes ftyp, meta, mdat (ISO/IEC 14496-12, section 4.2)
    mdat: units of header, size and data (AV1 specification, section 5.3):
          temporal delimiter, sequence header, frame

Every other byte follows from the image's size, the encoder's settings and the
frame's length.
"""

# Types of units (AV1 specification, section 6.2.2).
_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _FRAME = 1, 2, 6


def av1_frame(file):
    """Returns the data of an AVIF file's frame."""
    try:
        units = list(_units(_box(file, b"mdat")))
    except IndexError:
        units = []
    kinds = [kind for kind, _ in units]
    known = {_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _FRAME}
    if kinds.count(_FRAME) != 1 or not known.issuperset(kinds):
        raise ValueError(
            "An AVIF file must contain one frame in one unit and nothing else "
            "that varies, or its bytes can't be counted. Received: file of "
            f"{len(file)} bytes, units of types {kinds}"
        )
    return dict(units)[_FRAME]


def _box(file, name):
    """Returns the data of the first outermost box of a name."""
    at = 0
    while file[at + 4 : at + 8] != name:
        size = int.from_bytes(file[at : at + 4], "big")
        if size < 8:  # Not a plain box, or the end of the file.
            raise IndexError
        at += size
    return _cut(file, at + 8, int.from_bytes(file[at : at + 4], "big") - 8)


def _units(stream):
    """Yields `(type, data)`."""
    at = 0
    while at < len(stream):
        kind = stream[at] >> 3 & 15
        if stream[at] & 0b110 != 0b010:  # An extension, or no size.
            raise IndexError
        at += 1
        size = shift = 0
        # Seven bits per byte, lowest first; the top one: more follow.
        while True:
            size |= (stream[at] & 0x7F) << shift
            shift += 7
            at += 1
            if stream[at - 1] < 0x80:
                break
        yield kind, _cut(stream, at, size)
        at += size


def _cut(data, at, size):
    if not 0 <= size <= len(data) - at:
        raise IndexError
    return data[at : at + size]
