"""What tests look for in a page: its sections, and what these hold."""

import dataclasses
import html.parser
import re
import unittest.mock

from bottlenet_tf.common import diagrams
from bottlenet_tf.report import page

_TEXTS = ("h1", "h3", "p", "li", "summary", "figcaption", "th", "td")


@dataclasses.dataclass
class Block:
    """A part of a page, `kind` is its tag; a table has rows, header first.

    `marked` are the indices of rows below the header that are highlighted.
    """

    kind: str
    text: str = ""
    rows: list = dataclasses.field(default_factory=list)
    marked: list = dataclasses.field(default_factory=list)


class _Parser(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.sections, self.words = {"": []}, []

    @property
    def blocks(self):
        return list(self.sections.values())[-1]

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "section":
            self.sections[given["id"]] = []
        elif tag == "img":
            self.blocks.append(Block("img", given["alt"]))
        elif tag == "div" and "verdict" in given.get("class", ""):
            self.blocks.append(Block("verdict", given["class"]))
        elif tag == "table":
            self.blocks.append(Block("table"))
        elif tag == "tr":
            rows = self.blocks[-1].rows
            if given.get("class") == "chosen":
                self.blocks[-1].marked.append(len(rows) - 1)
            rows.append([])
        elif tag in _TEXTS:
            self.words = []

    def handle_data(self, data):
        self.words.append(data)

    def handle_endtag(self, tag):
        if tag not in _TEXTS:
            return
        text = re.sub("[ \n]+", " ", "".join(self.words)).strip(" ")
        if tag in ("th", "td"):
            self.blocks[-1].rows[-1].append(text)
        else:
            self.blocks.append(Block(tag, text))


def parse(text):
    """Returns `{id of a section: [Block, ...]}`; "" is what is before them."""
    parser = _Parser()
    parser.feed(text)
    return parser.sections


def sections(sources):
    """Returns the sections of the page of some sources, drawings left blank."""
    with unittest.mock.patch.object(
        diagrams, "saved", lambda *_, **__: b"<svg"
    ):
        return parse(page.render(sources, page.pictures(sources)))


def macro(template, name, *arguments):
    """Returns the blocks that a macro of a template makes."""
    module = page.templates().get_template(template).module
    return parse(getattr(module, name)(*arguments))[""]


def texts(blocks, kind):
    """Returns the text of all blocks of a kind."""
    return [block.text for block in blocks if block.kind == kind]
