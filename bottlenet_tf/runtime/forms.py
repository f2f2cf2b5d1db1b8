"""The image files that training and device accept."""

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")
EXTENSIONS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp",
)  # fmt: skip


def is_image_name(name):
    """Whether a file's name is an image's.

    Hidden files are still being copied or downloaded.
    """
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def form_of(data):
    """Returns the form of a file by its first bytes; None for another."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:2] == b"BM":
        return "BMP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "AVIF"
    return None
