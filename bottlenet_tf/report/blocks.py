"""What a page shows: sections of blocks, each drawn by the macro of its name.

The macros are in templates/blocks.html, which escapes all text. Besides the
classes here, a `verdict.Verdict` is a block.
"""

import base64
import dataclasses

from bottlenet_tf.report import picture


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph; "note" or "lead" is its kind, if it has one."""

    text: str
    kind: str = ""


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that scrolls by itself where it is too wide.

    Attributes:
        label: What it holds, for readers who don't see it.
        header: Names of the columns.
        rows: Lists of as many strings.
        words: How many columns, the first, hold words and are flush left.
        marked: Numbers of rows to stress.
        title: Of a table that a click opens; "" of one that is open.
    """

    label: str
    header: tuple
    rows: list
    words: int = 1
    marked: tuple = ()
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A `Picture`: one drawing for wide screens, one for narrow ones.

    Drawings are images, so that neither their names nor their styles meet.
    `is_same_origin` says that the drawing before it was made by the same.
    """

    picture: picture.Picture
    is_same_origin: bool = False

    @property
    def wide(self):
        """Address that holds the wide drawing."""
        return _uri(self.picture.svg(picture.WIDE), "svg+xml")

    @property
    def narrow(self):
        """Address that holds the drawing for a phone."""
        return _uri(self.picture.svg(picture.NARROW), "svg+xml")


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A PNG file, `name` without a suffix; on a phone as large as it is."""

    name: str
    data: bytes
    alt: str
    caption: str
    origins: tuple

    @property
    def address(self):
        """Address that holds the file."""
        return _uri(self.data, "png")


@dataclasses.dataclass(frozen=True)
class Origins:
    """A list of `Origin`s: what made which figures."""

    origins: tuple


@dataclasses.dataclass(frozen=True)
class Words:
    """The glossary."""


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page; `name` is what links lead to."""

    name: str
    title: str
    blocks: list


@dataclasses.dataclass(frozen=True)
class Page:
    """All of it.

    Attributes:
        title: Of the page.
        lead: Its first paragraph.
        sections: Tuple of `Section`.
    """

    title: str
    lead: str
    sections: tuple

    @property
    def pictures(self):
        """All `Picture`s."""
        return [block.picture for block in self._all(Drawing)]

    @property
    def photographs(self):
        """All `Photograph`s."""
        return self._all(Photograph)

    def _all(self, kind):
        found = [block for s in self.sections for block in s.blocks]
        return [block for block in found if isinstance(block, kind)]


def note(words):
    """Returns a `Paragraph` in a quieter colour."""
    return Paragraph(words, "note")


def drawings(pictures):
    """Returns a `Drawing` of each; what made several is named once."""
    before = [None, *(picture.origins for picture in pictures)]
    return [Drawing(p, p.origins == made) for p, made in zip(pictures, before)]


def _uri(data, kind):
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
