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


def table(header, rows, words=1, label="", marked=(), wide=False):
    """Returns a table that scrolls by itself where it is too wide.

    Args:
        header: Names of the columns.
        rows: Lists of as many values.
        words: How many columns, or which, hold words, and are flush left.
        label: What it holds, for people who don't see it.
        marked: Numbers of rows to stress.
        wide: Whether columns of words need much room.
    """
    columns = range(words) if isinstance(words, int) else words

    def line(tag, cells):
        return "".join(
            f"<{tag}{' class=words' if i in columns else ''}>"
            f"{text.escaped(cell)}</{tag}>"
            for i, cell in enumerate(cells)
        )

    body = "\n".join(
        f"<tr{' class=chosen' if i in marked else ''}>{line('td', row)}</tr>"
        for i, row in enumerate(rows)
    )
    return (
        f'<div class="scroll{" wide" if wide else ""}" tabindex="0" '
        f'role="region" aria-label="{text.escaped(label)}"><table>\n'
        f"<thead><tr>{line('th', header)}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def details(title, content):
    """Returns what opens by itself, without a script."""
    return (
        f"<details><summary>{text.escaped(title)}</summary>{content}</details>"
    )


def drawing(some_picture):
    """Returns the figure of a `Picture`: one drawing for wide, one for narrow.

    Drawings are images, so that neither their names nor their styles meet.
    """
    wide = _uri(some_picture.svg(picture.WIDE), "svg+xml")
    narrow = _uri(some_picture.svg(picture.NARROW), "svg+xml")
    return (
        f'<figure id="{_identifier(some_picture.name)}"><picture>'
        f'<source media="screen and (max-width: 599px)" srcset="{narrow}">'
        f'<img src="{wide}" alt="{text.escaped(some_picture.alt)}"></picture>'
        f"{_caption(some_picture.caption, some_picture.origins)}</figure>"
    )


def photograph(data, alt, caption, origins):
    """Returns the figure of a PNG file, as large as it is."""
    return (
        '<figure><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{text.escaped(alt)}">'
        f'<img src="{_uri(data, "png")}" alt="{text.escaped(alt)}"></div>'
        f"{_caption(caption, origins)}</figure>"
    )


def _caption(caption, origins):
    made = "".join(
        f'<span class="made">{text.escaped(line)}</span>'
        for line in dict.fromkeys(map(_made, origins))
    )
    return f"<figcaption>{text.escaped(caption)}{made}</figcaption>"


def _made(origin):
    told = f"Made by: {text.command(origin.command) or 'unknown command'}"
    return f"{told}; on: {origin.machine}" if origin.machine else told


def _identifier(name):
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)


def _uri(data, kind):
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
