"""The frame of a page: one HTML file that opens anywhere."""

import importlib.resources

from bottlenet_tf.report import markup, text

# Nothing is loaded from anywhere, whatever a file may smuggle in.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html(title, lead, titles, bodies):
    """Returns a page's text.

    Args:
        title: Of the page.
        lead: Its first paragraph.
        titles: `{name of section: its title}`.
        bodies: `{name of section: pieces of HTML}`, in order.
    """
    sections = "\n".join(
        markup.section(name, titles[name], pieces)
        for name, pieces in bodies.items()
    )
    links = "".join(
        f'<li><a href="#{name}">{titles[name]}</a></li>' for name in bodies
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{text.escaped(title)}</title>
<style>
{_style()}</style>
</head>
<body>
<header>
<h1>{text.escaped(title)}</h1>
{markup.paragraph(lead, "lead")}
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main>
{sections}
</main>
</body>
</html>
"""


def origins(found):
    """Returns pieces of HTML that say what made the figures.

    Args:
        found: `origins.Origin`s.
    """
    entries = []
    for origin in found:
        command = text.command(origin.command)
        versions = ", ".join(f"{k} {v}" for k, v in origin.versions.items())
        basis = f"from {origin.basis}" if origin.basis else ""
        lines = [line for line in (origin.machine, basis, versions) if line]
        entries.append((origin.what, command, lines))
    folder = (
        "Each drawing lies in the folder report as a PNG file, with its data "
        "as CSV."
    )
    return [markup.paragraph(folder, "note"), markup.definitions(entries)]


def planes(entries):
    """Returns pieces of HTML with what the codec sees.

    Args:
        entries: `(name, unit, run_file.Run)` of each run.
    """
    return [
        markup.photograph(
            run.planes.read_bytes(),
            f"Images and their planes at {name}",
            f"{name} ({unit}). Top: images. Middle: the plane the "
            "codec sees. Bottom: the plane after a round trip through "
            f"its bytes, {text.number(run.wire_bytes)} wire bytes in the "
            "mean.",
            (run.origin,),
        )
        for name, unit, run in entries
        if run.planes is not None
    ]


def _style():
    folder = importlib.resources.files("bottlenet_tf.report")
    return (folder / "style.css").read_text(encoding="utf-8")
