"""Pieces of HTML; whatever comes from a file is escaped here."""

import base64

from bottlenet_tf.report import picture, text


def paragraph(words, kind=""):
    """Returns a paragraph."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{text.escaped(words)}</p>"


def section(name, title, pieces):
    """Returns a section with its heading."""
    return "\n".join(
        [f'<section id="{name}">', f"<h2>{text.escaped(title)}</h2>", *pieces,
         "</section>"]
    )  # fmt: skip


def items(lines):
    """Returns a list of sentences."""
    found = "".join(f"<li>{text.escaped(line)}</li>" for line in lines)
    return f"<ul>{found}</ul>" if found else ""


def definitions(entries):
    """Returns a list of terms.

    Args:
        entries: `(term, command or "", further lines)` of each.
    """
    found = []
    for term, command, lines in entries:
        found.append(f"<dt>{text.escaped(term)}</dt>")
        if command:
            found.append(f"<dd><code>{text.escaped(command)}</code></dd>")
        found += [f"<dd>{text.escaped(line)}</dd>" for line in lines]
    return "<dl>\n" + "\n".join(found) + "\n</dl>"


def table(header, rows, words=1, label="", marked=()):
    """Returns a table that scrolls by itself where it is too wide.

    Args:
        header: Names of the columns.
        rows: Lists of as many values.
        words: How many columns, the first, hold words and are flush left.
        label: What it holds, for people who don't see it.
        marked: Numbers of rows to stress.
    """

    def line(tag, cells):
        return "".join(
            f"<{tag}{' class=words' if i < words else ''}>"
            f"{text.escaped(cell)}</{tag}>"
            for i, cell in enumerate(cells)
        )

    body = "\n".join(
        f"<tr{' class=chosen' if i in marked else ''}>{line('td', row)}</tr>"
        for i, row in enumerate(rows)
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" '
        f'aria-label="{text.escaped(label)}"><table>\n'
        f"<thead><tr>{line('th', header)}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def details(title, content):
    """Returns what opens by itself, without a script."""
    return (
        f"<details><summary>{text.escaped(title)}</summary>{content}</details>"
    )


def drawing(some_picture, made_as=None):
    """Returns the figure of a `Picture`: one drawing for wide, one for narrow.

    Drawings are images, so that neither their names nor their styles meet.

    Args:
        some_picture: `picture.Picture`.
        made_as: The figure before it; what made both is told once.
    """
    wide = _uri(some_picture.svg(picture.WIDE), "svg+xml")
    narrow = _uri(some_picture.svg(picture.NARROW), "svg+xml")
    origins = some_picture.origins
    if made_as and made_as.origins == origins:
        made = '<span class="made">Made by: the same command.</span>'
    else:
        made = _made(origins)
    return (
        "<figure><picture>"
        f'<source media="screen and (max-width: 599px)" srcset="{narrow}">'
        f'<img src="{wide}" alt="{text.escaped(some_picture.alt)}"></picture>'
        f"<figcaption>{text.escaped(some_picture.caption)}{made}</figcaption>"
        "</figure>"
    )


def drawings(drawn, name):
    """Returns the figures of a section.

    Args:
        drawn: `{name of section: [Picture]}`.
        name: Of the section.
    """
    pictures = drawn.get(name, ())
    return [
        drawing(some_picture, before)
        for before, some_picture in zip((None, *pictures), pictures)
    ]


def photograph(data, alt, caption, origins):
    """Returns the figure of a PNG file; on a phone as large as it is."""
    return (
        '<figure><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{text.escaped(alt)}">'
        f'<img src="{_uri(data, "png")}" alt="{text.escaped(alt)}"></div>'
        f"<figcaption>{text.escaped(caption)}{_made(origins)}</figcaption>"
        "</figure>"
    )


def _made(origins):
    lines = []
    for origin in origins:
        command = text.escaped(text.command(origin.command) or "unknown")
        told = f"<code>{command}</code>"
        if origin.machine:
            told += f"; on {text.escaped(origin.machine)}"
        if origin.basis:
            told += f"; from {text.escaped(origin.basis)}"
        lines.append(f'<span class="made">Made by: {told}</span>')
    return "".join(lines)


def _uri(data, kind):
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
