"""Markdown tables that read well in a terminal too."""


def aligned(header, rows, left):
    """Returns a table's lines, as wide as its cells.

    The first `left` columns are flush left, the others flush right.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows)]

    def line(cells):
        padded = (
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths))
        )
        return f"| {' | '.join(padded)} |"

    rule = (
        f":{'-' * (width + 1)}" if i < left else f"{'-' * (width + 1)}:"
        for i, width in enumerate(widths)
    )
    return [line(header), f"|{'|'.join(rule)}|", *map(line, rows)]


def cell(value, spec, unit=""):
    """Returns a number's text in a table; "–" for None."""
    return "–" if value is None else f"{value:{spec}}{unit}"
