"""Image files of every container, made here, with the pixels they stand for."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 20, 30
# Smooth, so that JPEG keeps it nearly as it is.
RAMP = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1) * 6
RAMP = np.concatenate([RAMP, RAMP[..., :1]], -1).astype(np.uint8)
GREY = np.repeat(RAMP[..., :1], 3, -1)
ALPHA = np.repeat(
    np.arange(HEIGHT, dtype=np.uint8)[:, None] % 2 * 255, WIDTH, 1
)
RGBA = np.dstack([RAMP, ALPHA])
INDEXED = Image.fromarray(RAMP).quantize(16)
PALETTE = np.asarray(INDEXED.convert("RGB"))


def saved(image, form, **options):
    """Returns the bytes of an array or a Pillow image in a file."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(name, body):
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def png(samples, colours, depth=8, interlaced=0, before=b"", after=b""):
    """A PNG of samples `(height, width, channels)`, written byte by byte."""
    kind = ">u2" if depth == 16 else np.uint8

    def rows(part):
        if not part.size:
            return b""
        return b"".join(b"\0" + row.tobytes() for row in part.astype(kind))

    passes = [samples]
    if interlaced:
        passes = [
            samples[0::8, 0::8], samples[0::8, 4::8], samples[4::8, 0::4],
            samples[0::4, 2::4], samples[2::4, 0::2], samples[0::2, 1::2],
            samples[1::2],
        ]  # fmt: skip
    size = samples.shape[1], samples.shape[0]
    about = struct.pack(">II5B", *size, depth, colours, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", about)
        + before
        + chunk(b"IDAT", zlib.compress(b"".join(map(rows, passes))))
        + after
        + chunk(b"IEND", b"")
    )  # fmt: skip


def bmp(rows, bits, compression=0, extra=b"", old=False, height=HEIGHT):
    """A BMP of the bytes of its rows, from the lowest up unless height < 0."""
    if old:  # OS/2's header of 12 bytes.
        about = struct.pack("<IHHHH", 12, WIDTH, height, 1, bits)
    else:
        about = struct.pack(
            "<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression,
            len(rows), 2835, 2835, 0, 0,
        )  # fmt: skip
    start = 14 + len(about) + len(extra)
    size = start + len(rows)
    return (
        b"BM" + struct.pack("<IHHI", size, 0, 0, start) + about + extra + rows
    )


def bmp_rows(pixels):
    """The bytes of pixels from the lowest row up, each padded to 4 bytes."""
    rows = pixels[::-1].reshape(len(pixels), -1)
    padding = -rows.shape[1] * rows.itemsize % 4 // rows.itemsize
    return np.pad(rows, ((0, 0), (0, padding))).tobytes()


def five_six_five():
    levels = RAMP.astype(np.uint16)
    return (
        (levels[..., 0] >> 3) << 11
        | (levels[..., 1] >> 2) << 5
        | (levels[..., 2] >> 3)
    )


def exif(value, order="<", kind=3):
    """EXIF with an orientation alone, behind a tag that isn't meant."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    code = {3: "HH", 4: "I"}[kind]
    other = struct.pack(order + "HHIHH", 0x0100, 3, 1, 7, 0)
    values = (value, 0)[: len(code)]
    mine = struct.pack(order + "HHI" + code, 0x0112, kind, 1, *values)
    return start + struct.pack(order + "IH", 8, 2) + other + mine + bytes(4)


def with_segments(jpeg, *segments):
    """A JPEG with APP1 segments of these contents after its first marker."""
    packed = b"".join(
        b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        for body in segments
    )
    return jpeg[:2] + packed + jpeg[2:]


def without_adobe(jpeg):
    at = jpeg.index(b"\xff\xee")
    return (
        jpeg[:at]
        + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]
    )


def gif_on_a_screen(gif, width, height, left=0, top=0):
    """A GIF whose frame lies somewhere on a larger screen."""
    at = gif.index(b"\x2c" + bytes(4) + struct.pack("<HH", WIDTH, HEIGHT))
    moved = gif[: at + 1] + struct.pack("<HH", left, top) + gif[at + 5 :]
    return moved[:6] + struct.pack("<HH", width, height) + moved[10:]


def gif_of_one_pixel(width=8, height=8):
    """A GIF whose data end after the first pixel."""
    # 3 bits a code: clear (4), pixel of index 1, end (5).
    code = 4 | 1 << 3 | 5 << 6
    return (
        b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x91, 0, 0) + bytes(range(12))
        + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0)
        + b"\x02\x02" + struct.pack("<H", code) + b"\0\x3b"
    )  # fmt: skip


def lossless():
    """Returns `{name: (file, pixels)}`."""
    levels = RAMP.astype(np.uint16) * 256 + 200
    grey, alpha = levels[..., :1], levels[..., 1:2]
    raw = INDEXED.copy()
    bright = Image.fromarray(RAMP[..., 0] > 90)
    one_bit = np.repeat((RAMP[..., :1] > 90) * np.uint8(255), 3, -1)
    three = np.asarray(INDEXED) == 3
    shown = PALETTE * ~three[..., None]
    still = saved(INDEXED, "GIF")
    masks = struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)
    five = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    words = five_six_five()
    fives = np.dstack([words >> 11, words >> 5 & 63, words & 31]).astype(int)
    fives = fives * 255 // [31, 63, 31]
    xbgr = RGBA[..., [3, 2, 1, 0]]
    bgra = RGBA[..., [2, 1, 0, 3]]
    return {
        "PNG": (png(RAMP, 2), RAMP),
        "PNG by Pillow": (saved(RAMP, "PNG"), RAMP),
        "PNG grey": (png(RAMP[..., :1], 0), GREY),
        "PNG grey, alpha": (png(RGBA[..., [0, 3]], 4), GREY),
        "PNG alpha": (png(RGBA, 6), RAMP),
        "PNG palette": (saved(raw, "PNG"), PALETTE),
        "PNG palette, one transparent": (
            saved(raw, "PNG", transparency=3), PALETTE,
        ),
        "PNG palette, half transparent": (
            saved(raw, "PNG", transparency=bytes(range(0, 160, 10))), PALETTE,
        ),
        "PNG colour, one transparent": (
            png(RAMP, 2, before=chunk(b"tRNS", bytes(6))), RAMP,
        ),
        "PNG 1 bit": (saved(bright, "PNG"), one_bit),
        "PNG 16 bits": (png(levels, 2, 16), RAMP),
        "PNG 16 bits, grey": (png(grey, 0, 16), GREY),
        "PNG 16 bits, grey, alpha": (
            png(np.dstack([grey, alpha]), 4, 16), GREY,
        ),
        "PNG 16 bits, alpha": (png(np.dstack([levels, alpha]), 6, 16), RAMP),
        "PNG interlaced": (png(RAMP, 2, interlaced=1), RAMP),
        "PNG interlaced, 3 pixels": (
            png(RAMP[:1, :3], 2, interlaced=1), RAMP[:1, :3],
        ),
        "PNG moving": (
            saved(RAMP, "PNG", save_all=True,
                  append_images=[Image.fromarray(RAMP[::-1])]), RAMP,
        ),
        "PNG with a note": (png(RAMP, 2, after=chunk(b"tEXt", b"a\0b")), RAMP),
        "BMP": (saved(RAMP, "BMP"), RAMP),
        "BMP of OS/2": (bmp(bmp_rows(RAMP[..., ::-1]), 24, old=True), RAMP),
        "BMP from the top": (
            bmp(bmp_rows(RAMP[::-1, :, ::-1]), 24, height=-HEIGHT), RAMP,
        ),
        "BMP 32 bits": (bmp(bmp_rows(bgra), 32), RAMP),
        "BMP 32 bits by masks": (bmp(bmp_rows(xbgr), 32, 3, masks), RAMP),
        "BMP 16 bits by masks": (bmp(bmp_rows(words), 16, 3, five), fives),
        "BMP palette": (saved(raw, "BMP"), PALETTE),
        "GIF": (still, PALETTE),
        "GIF grey": (saved(RAMP[..., 0], "GIF"), GREY),
        "GIF interlaced": (saved(raw, "GIF", interlace=1), PALETTE),
        "GIF transparent": (saved(raw, "GIF", transparency=3), shown),
        "GIF moving": (
            saved(raw, "GIF", save_all=True, append_images=[raw.rotate(180)]),
            PALETTE,
        ),
        "GIF on a larger screen": (gif_on_a_screen(still, 36, 24), PALETTE),
        "GIF aside on a larger screen": (
            gif_on_a_screen(still, 36, 24, 5, 3), PALETTE,
        ),
        "WebP": (saved(RAMP, "WEBP", lossless=True), RAMP),
        "WebP moving": (
            saved(RAMP, "WEBP", lossless=True, save_all=True,
                  append_images=[Image.fromarray(RAMP[::-1])]), RAMP,
        ),
    }  # fmt: skip


def lossy():
    """Returns `{name: file}`; TensorFlow decodes these JPEGs alike."""
    return {
        **{
            f"JPEG {sampling}, {kind}": saved(
                RAMP, "JPEG", subsampling=sampling,
                progressive=kind == "progressive",
            )
            for sampling in ("4:4:4", "4:2:2", "4:2:0", "4:1:1")
            for kind in ("baseline", "progressive")
        },
        "JPEG grey": saved(RAMP[..., 0], "JPEG"),
        "JPEG of restarts": saved(RAMP, "JPEG", restart_marker_rows=1),
        "JPEG of RGB": saved(RAMP, "JPEG", keep_rgb=True),
        "JPEG CMYK": saved(Image.fromarray(RAMP).convert("CMYK"), "JPEG"),
        "JPEG of a phone": saved(
            RAMP, "MPO", save_all=True,
            append_images=[Image.fromarray(RAMP[::-1])],
        ),
    }  # fmt: skip


def turned():
    """Returns `{name: file}` of every orientation in every container."""
    files = {}
    for value in range(1, 9):
        for order, kind in (("<", 3), (">", 3), (">", 4)):
            note = exif(value, order, kind)
            name = f"orientation {value} {order}{kind}"
            files[f"JPEG, {name}"] = with_segments(
                saved(RAMP, "JPEG"), b"http://ns.adobe.com/xap/1.0/\0<x/>",
                b"Exif\0\0" + note,
            )  # fmt: skip
        files[f"PNG, {name}"] = png(RAMP, 2, before=chunk(b"eXIf", note))
        files[f"WebP, {name}"] = saved(
            RAMP, "WEBP", lossless=True, exif=b"Exif\0\0" + note
        )
    return files


def refused():
    """Returns `{name: (file, part of the reason)}`."""
    whole, jpeg = png(RAMP, 2), saved(RAMP, "JPEG")
    gif, webp = saved(INDEXED, "GIF"), saved(RAMP, "WEBP", lossless=True)
    short = png(RAMP[:5], 2)
    header = png(RAMP, 2)[:33]
    noted = png(RAMP, 2, before=chunk(b"gAMA", b"\0\0\xb1\x8f"))
    wide = png(RAMP[:5], 2, interlaced=1)
    cmyk = saved(Image.fromarray(RAMP).convert("CMYK"), "JPEG")
    runs = bytes([WIDTH, 7, 0, 0]) * HEIGHT + bytes([0, 1])
    return {
        "nothing": (b"", "it is empty"),
        "text": (b"no image at all", "it is of another form"),
        "TIFF": (saved(RAMP, "TIFF"), "it is TIFF"),
        "JPEG cut": (jpeg[:-200], "(?i)truncated"),
        "JPEG without its end": (jpeg[:-2], "truncated"),
        "JPEG with another end": (jpeg[:-2] + b"\xf7\xd9", "truncated"),
        "JPEG CMYK without Adobe's marker": (without_adobe(cmyk), "Adobe"),
        "PNG cut": (whole[:-30], "ends too early"),
        "PNG without its end": (whole[:-12], "ends too early"),
        "PNG with a flipped bit": (
            whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], "checksum",
        ),
        "PNG with a note whose checksum is wrong": (
            noted.replace(b"\xb1\x8f", b"\xb1\x8e"), "checksum",
        ),
        "PNG with too few rows": (header + short[33:], "fewer rows"),
        "PNG interlaced with too few rows": (
            png(RAMP, 2, interlaced=1)[:33] + wide[33:], "fewer rows",
        ),
        "PNG of 16 bits with too few rows": (
            png(RAMP.astype(int), 2, 16)[:33]
            + png(RAMP[:19].astype(int), 2, 16)[33:], "fewer rows",
        ),
        "BMP cut": (saved(RAMP, "BMP")[:-30], "truncated"),
        "BMP in runs": (bmp(runs, 8, 1, bytes(1024)), "run-length"),
        "GIF cut": (gif[:-30], "fewer pixels|truncated"),
        "GIF with too few pixels": (gif_of_one_pixel(), "fewer pixels"),
        "GIF of a vast frame": (gif_of_one_pixel(65535, 65535), "bomb"),
        "WebP cut": (webp[:-20], "could not create"),
    }  # fmt: skip
