"""`bottlenet-report SEARCH_DIR`: a search and its selection on one page."""

import sys

from absl import app, flags

from bottlenet_tf.cli import program, train_flags

USAGE = """Makes one page of a search: bottlenet-report SEARCH_DIR

Writes SEARCH_DIR/report.html, which holds all it shows, and every figure as
PNG and CSV to SEARCH_DIR/report/. What isn't there yet is left out, with the
command that makes it.

Examples:
  bottlenet-select --runs=SEARCH_DIR/candidates \\
      --device_profile=phone.json --cloud_profile=server.json \\
      --out=SEARCH_DIR/selection.json
  bottlenet-report SEARCH_DIR --profiles=phone.json,server.json
  bottlenet-report SEARCH_DIR --figure7=runs/figure7/figure7.json"""


def _main(argv):
    if len(argv) != 2:
        raise app.UsageError(
            "One folder of a search must be given: bottlenet-report "
            f"SEARCH_DIR. Received: {' '.join(argv[1:]) or 'none'}"
        )
    values = flags.FLAGS
    try:
        from bottlenet_tf import report

        sources = report.read(
            argv[1], values.selection, values.figure7, values.profiles
        )
        path = report.write(sources, values.out or argv[1])
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    for sentence in sources.missing.values():
        print(f"Left out: {sentence}")
    print(f"Report: {path}")
    return 0


def _define(module_name):
    for name, text in (
        ("selection", "File of bottlenet-select; unset: SEARCH_DIR's."),
        ("figure7", "figure7.json, aware against naive; unset: SEARCH_DIR's."),
        ("out", "Folder to write to; unset: SEARCH_DIR."),
    ):
        flags.DEFINE_string(name, None, text, module_name=module_name)
    flags.DEFINE_list(
        "profiles",
        [],
        "Files of bottlenet-profile, to tell how times were measured.",
        module_name=module_name,
    )


def main():
    """Entry point of `bottlenet-report`."""
    _define(module_name=sys.argv[0])
    program.start(_main, USAGE)


if __name__ == "__main__":
    main()
