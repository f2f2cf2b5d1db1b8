"""The sections of a page, and their blocks.

templates/blocks.html has a macro for each class of block, by its name, and
escapes all text. `picture.Picture` and `verdict.Verdict` are blocks, too.
"""

import dataclasses

from bottlenet_tf.report.picture import Picture


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph; `kind` is its CSS class."""

    text: str
    kind: str = ""


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that scrolls if it is too wide.

    `rows` are lists of strings. The first `words` columns are flush left,
    `marked` are the indices of rows to highlight. One with a `title` is folded.
    """

    label: str
    header: tuple
    rows: list
    words: int = 1
    marked: tuple = ()
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A PNG file, `name` without a suffix; on a phone in its original size."""

    name: str
    data: bytes
    alt: str
    caption: str
    origins: tuple


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page; links point to its `name`."""

    name: str
    title: str
    blocks: list


@dataclasses.dataclass(frozen=True)
class Page:
    """The complete page; `origins` are those of all figures."""

    title: str
    lead: str
    sections: tuple
    origins: tuple

    @property
    def pictures(self):
        """All `Picture`s."""
        return self._all(Picture)

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
