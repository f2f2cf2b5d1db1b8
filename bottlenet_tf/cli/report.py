"""`bottlenet-report FOLDER`: a search, or runs, and the selection on a page."""

import dataclasses
import pathlib

from bottlenet_tf.cli import config_flags, program
from bottlenet_tf.common.settings import Settings, setting

USAGE = """Makes one page of a search, or of runs: bottlenet-report FOLDER

Writes FOLDER/report.html, which is self-contained, and every figure as PNG and
CSV to FOLDER/report/. Missing parts are left out, with the command that makes
them. If the folder contains no search, the finished runs in it are compared:
their curves, bytes at the same accuracy, and BD-rates; and the choice, if
bottlenet-select chose among all of them. If it contains link.json of `make
demo-link`, the page is FOLDER/link.html.

Examples:
  bottlenet-select --runs=SEARCH_DIR/candidates \\
      --device_profile=phone.json --cloud_profile=server.json \\
      --out=SEARCH_DIR/selection.json
  bottlenet-report SEARCH_DIR --profiles=phone.json,server.json
  bottlenet-report SEARCH_DIR --figure7=runs/figure7/figure7.json
  bottlenet-report runs/learned --against=runs/jpeg_q10,runs/jpeg_q40
  bottlenet-report runs/units --selection=units.json"""


@dataclasses.dataclass(frozen=True)
class _ReportConfig(Settings):
    """Sources of the page, and its folder."""

    selection: str | None = setting(
        None, "File of bottlenet-select; unset: FOLDER's."
    )
    figure7: str | None = setting(
        None, "figure7.json, aware against naive; unset: FOLDER's."
    )
    out: str | None = setting(None, "Folder to write to; unset: FOLDER.")
    profiles: tuple[str, ...] = setting(
        (), "Files of bottlenet-profile, which say how times were measured."
    )
    against: tuple[str, ...] = setting(
        (),
        "Finished runs, or folders of runs, whose common curve is the "
        "reference of the BD-rates; unset: the JPEG units at a learned unit's "
        "split point.",
    )


@program.entry(USAGE, (_ReportConfig,), arguments="FOLDER")
def main(values, folder):
    """Entry point of `bottlenet-report`."""
    from bottlenet_tf import report
    from bottlenet_tf.emulation import recording

    config = config_flags.read(_ReportConfig, values)
    if (pathlib.Path(folder) / recording.NAME).is_file():
        from bottlenet_tf.report import link_page

        print(f"Page: {link_page.write(folder, config.out)}")
        return
    sources = report.read(
        folder,
        config.selection,
        config.figure7,
        config.profiles,
        config.against,
    )
    path = report.write(sources, config.out or folder)
    for sentence in sources.missing.values():
        print(f"Left out: {sentence}")
    print(f"Report: {path}")


if __name__ == "__main__":
    main()
