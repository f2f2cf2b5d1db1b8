"""`bottlenet-report FOLDER`: a search, or runs, and the selection on a page."""

import pathlib
import sys

from absl import flags

from bottlenet_tf.cli import program

USAGE = """Makes one page of a search, or of runs: bottlenet-report FOLDER

Writes FOLDER/report.html, which holds all it shows, and every figure as PNG
and CSV to FOLDER/report/. What isn't there yet is left out, with the command
that makes it. Where the folder holds no search, the finished runs in it are
compared: their curves, bytes at the same accuracy, and BD-rates; and what was
chosen of them, if bottlenet-select chose among all of them. Where it holds
link.json of `make demo-link`, the page is FOLDER/link.html.

Examples:
  bottlenet-select --runs=SEARCH_DIR/candidates \\
      --device_profile=phone.json --cloud_profile=server.json \\
      --out=SEARCH_DIR/selection.json
  bottlenet-report SEARCH_DIR --profiles=phone.json,server.json
  bottlenet-report SEARCH_DIR --figure7=runs/figure7/figure7.json
  bottlenet-report runs/learned --against=runs/jpeg_q10,runs/jpeg_q40
  bottlenet-report runs/units --selection=units.json"""


def _main(values, folder):
    from bottlenet_tf import report
    from bottlenet_tf.emulation import recording

    if (pathlib.Path(folder) / recording.NAME).is_file():
        from bottlenet_tf.report import link_page

        print(f"Page: {link_page.write(folder, values.out)}")
        return
    sources = report.read(
        folder,
        values.selection,
        values.figure7,
        values.profiles,
        values.against,
    )
    path = report.write(sources, values.out or folder)
    for sentence in sources.missing.values():
        print(f"Left out: {sentence}")
    print(f"Report: {path}")


def _define(module_name):
    for name, text in (
        ("selection", "File of bottlenet-select; unset: FOLDER's."),
        ("figure7", "figure7.json, aware against naive; unset: FOLDER's."),
        ("out", "Folder to write to; unset: FOLDER."),
    ):
        flags.DEFINE_string(name, None, text, module_name=module_name)
    for name, text in (
        ("profiles", "Files of bottlenet-profile, to tell how times were "
                     "measured."),
        ("against", "Finished runs, or folders of such, that curves are "
                    "compared with by BD-rate, together as one curve; unset: "
                    "the JPEG units at a learned unit's split point."),
    ):  # fmt: skip
        flags.DEFINE_list(name, [], text, module_name=module_name)


def main():
    """Entry point of `bottlenet-report`."""
    _define(module_name=sys.argv[0])
    program.run(_main, USAGE, arguments="FOLDER")


if __name__ == "__main__":
    main()
