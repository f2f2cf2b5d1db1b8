"""The device program: image files in, payload files out.

Works in a copy of only the deployment's `edge` folder, with this package next
to the files. NumPy and the rest are imported only after valid arguments.
"""

import argparse
import os
import sys

from bottlenet_tf.runtime.arguments import add_engine, index, positive
from bottlenet_tf.runtime.forms import EXTENSIONS, is_image_name

# The folder of the package: a deployed copy has unit.json there.
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_BESIDE = os.path.dirname(_PACKAGE)

_DESCRIPTION = """\
Runs the head of a split network on images and writes a payload for each, a few
hundred bytes for the tail on a server."""

_EPILOG = """\
examples:
  %(prog)s cat.jpg --out cat.payload
      one image, one payload
  %(prog)s photos --out payloads
      every image of a folder: photos/cat.jpg becomes
      payloads/cat.jpg.payload
  %(prog)s photos --out payloads --max_bytes 300
      each image with the most detail in 300 bytes
  %(prog)s photos --timing --repeat 20 --threads 2
      the time of each step, writing nothing

An image that fails is reported and skipped. Exit code: 0 if all images were
encoded, 1 if not, if the head could not be opened or if no payload can be as
small as --max_bytes, 2 for invalid arguments."""


def main(argv=None, deploy=None):
    """Runs the program and returns its exit code.

    `deploy` is the default of `--deploy`; None is this package's folder.
    """
    parser = _parser(_BESIDE if deploy is None else deploy)
    args = parser.parse_args(argv)
    jobs = _jobs(parser, args)
    try:
        return _run(jobs, args)
    except KeyboardInterrupt:
        _say("interrupted")
        return 1


def _run(jobs, args):
    # These import NumPy.
    from bottlenet_tf.codec.base import check_point
    from bottlenet_tf.runtime.edge import Head
    from bottlenet_tf.runtime.timing import Timing

    try:
        head = Head.load(args.deploy, args.runtime, args.threads)
        if args.point is not None:
            check_point(args.point, head.unit.points)
        if args.max_bytes is not None:
            head.check_limit(args.max_bytes)
        if args.out and os.path.isdir(args.image):
            os.makedirs(args.out, exist_ok=True)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        _say(f"error: {error}")
        return 1
    rate, timing, failed = (args.point, args.max_bytes), None, 0
    if args.timing:
        timing = Timing(head, args.repeat, *rate)
    for number, (path, out) in enumerate(jobs, 1):
        try:
            if timing:
                payload = timing.encode(path)
            else:
                payload = head.encode(path, *rate)
            if out is not None:
                _write(out, payload)
            outcome = f"{len(payload)} bytes"
        except Exception as error:  # The other images must still be encoded.
            failed += 1
            outcome = f"failed, {type(error).__name__}: {error}"
        _say(f"[{number}/{len(jobs)}] {os.path.basename(path)}: {outcome}")
    if failed:
        _say(f"{failed} of {len(jobs)} images failed")
    if timing and failed < len(jobs):
        print(timing.report())
    return 1 if failed else 0


def _write(path, data):
    """Writes a complete file or none."""
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb") as file:
            file.write(data)
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.remove(part)


def _say(text):
    print(text, file=sys.stderr, flush=True)


def _jobs(parser, args):
    """Returns `(image, payload file or None)` of all images to encode."""
    image, out = args.image, args.out
    if args.repeat > 1 and not args.timing:
        parser.error("--repeat only makes sense with --timing")
    if out is None and not args.timing:
        parser.error("--out must be given, unless --timing is")
    if not os.path.exists(image):
        parser.error(f"there is no image or folder {image!r}")
    if os.path.isdir(image):
        return _folder_jobs(parser, image, out)
    if out is None:
        return [(image, None)]
    if os.path.exists(out) and not os.path.isfile(out):
        parser.error(f"--out must be a file, as IMAGE is: {out!r}")
    if not os.path.isdir(os.path.dirname(out) or "."):
        parser.error(f"the folder of --out must exist: {out!r}")
    if os.path.exists(out) and os.path.samefile(image, out):
        parser.error(f"--out must not be IMAGE itself: {out!r}")
    return [(image, out)]


def _folder_jobs(parser, folder, out):
    if out is not None and os.path.isfile(out):
        parser.error(f"--out must be a folder, as IMAGE is: {out!r}")
    jobs = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if is_image_name(name) and os.path.isfile(path):
            # With the suffix, so that cat.jpg and cat.png differ.
            jobs.append((path, out and os.path.join(out, name + ".payload")))
    if not jobs:
        parser.error(
            f"the folder {folder!r} must contain images "
            f"({', '.join(EXTENSIONS)})"
        )
    return jobs


def _parser(deploy):
    parser = argparse.ArgumentParser(
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "image",
        metavar="IMAGE",
        type=os.path.expanduser,
        help="image file (JPEG, PNG, GIF, BMP, WebP), or a folder of them",
    )
    parser.add_argument(
        "--out",
        metavar="PATH",
        type=os.path.expanduser,
        help="file of the payload, or folder of many, which is created",
    )
    parser.add_argument(
        "--deploy",
        metavar="FOLDER",
        type=os.path.expanduser,
        default=deploy,
        help="folder of unit.json and the head's files (default: %(default)s)",
    )
    add_engine(parser, "the head")
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument(
        "--point",
        metavar="N",
        type=index,
        help="index of the operating point, which trades size for accuracy: "
        "unit.json lists them (default: its default_point)",
    )
    rate.add_argument(
        "--max_bytes",
        metavar="N",
        type=positive,
        help="most bytes of a payload, its header included: each image is "
        "encoded at the finest operating point that fits",
    )
    parser.add_argument(
        "--timing",
        action="store_true",
        help="print the time of each step and the sizes of payloads",
    )
    parser.add_argument(
        "--repeat",
        metavar="N",
        type=positive,
        default=1,
        help="encode each image N times, for --timing (default: 1)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
