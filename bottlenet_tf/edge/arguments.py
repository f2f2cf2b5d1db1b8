"""The device program's command line."""

import argparse
import os

from bottlenet_tf.edge.transports import DEFAULT, TRANSPORTS
from bottlenet_tf.link.goals import GOALS
from bottlenet_tf.runtime.arguments import add_engine, index, positive

_DESCRIPTION = """\
Answers images: with a server, by the split and point, or the unsplit network,
that is best over the current link; without one, on this device alone. Each
image gets one line of JSON on standard output."""

_EPILOG = """\
examples:
  %(prog)s photos --server=192.0.2.2:8000
      every image of a folder, by plan.json and the link
  %(prog)s inbox --watch --server=192.0.2.2:8000 --deadline_ms=200
      images as they appear in a folder, each answered within 200 ms
  %(prog)s --camera=0 --server=192.0.2.2:8000 --choice="rb6 at point 9"
      a camera's frames, always the same split and point
  %(prog)s photos --server=192.0.2.2:8000 --unit=rb6 --max_bytes=300
      each image with the most detail in 300 bytes
  %(prog)s cat.jpg --local
      one image on this device

Ctrl-C finishes the current image and ends. Exit code: 0 if every image was
answered, 1 if not or if nothing could be opened, 2 for invalid arguments."""


def parse(argv=None, deploy=None):
    """Returns the parsed arguments; exits with code 2 if they are invalid.

    `deploy` is the default of `--deploy`, which is required if None.
    """
    parser = _parser(deploy)
    args = parser.parse_args(argv)
    if args.deploy is None:
        parser.error("--deploy must name the deployment's folder")
    if (args.camera is None) == (not args.images):
        parser.error("give images, or a folder, or --camera")
    for path in args.images:
        if not os.path.exists(path):
            parser.error("there is no image or folder {!r}".format(path))
    is_one_folder = len(args.images) == 1 and os.path.isdir(args.images[0])
    if args.camera is not None and args.out is not None:
        parser.error("--out needs the paths of images: --camera has none")
    if args.watch and not is_one_folder:
        parser.error("--watch takes one folder")
    if args.local and args.server is not None:
        parser.error("--local never sends, so it takes no --server")
    transport = TRANSPORTS[args.transport]
    if args.tls_cert is not None and not transport.encrypts:
        parser.error("--tls_cert is only for gRPC")
    if not transport.routes and (args.model or args.image_model):
        parser.error("TF Serving has a model for each unit, named like it")
    if args.choice is not None and args.goal is not None:
        parser.error("--choice is fixed, so it takes no --goal")
    if args.unit is not None or args.point is not None:
        if args.choice is not None or args.goal is not None:
            parser.error("--unit and --point take no --choice and no --goal")
    return args


def _parser(deploy):
    parser = argparse.ArgumentParser(
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_images(parser.add_argument_group("images and answers"))
    _add_server(parser.add_argument_group("the server"))
    _add_choice(parser.add_argument_group("the choice"))
    _add_device(parser.add_argument_group("this device"), deploy)
    return parser


def _add_images(parser):
    parser.add_argument(
        "images",
        metavar="IMAGE",
        type=os.path.expanduser,
        nargs="*",
        help="image files (JPEG, PNG, GIF, BMP, WebP), or folders of them",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="keep running, and answer images that appear in the folder, too; "
        "a file is read once it has stopped growing",
    )
    parser.add_argument(
        "--camera",
        metavar="N",
        help="number of a camera, or another source for OpenCV",
    )
    parser.add_argument(
        "--count",
        metavar="N",
        type=positive,
        help="end after this many images",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=os.path.expanduser,
        help="append the answers to this file in place of standard output; "
        "images in it are skipped, so that a killed program is resumed by the "
        "same command",
    )


def _add_server(parser):
    parser.add_argument(
        "--server",
        metavar="HOST:PORT",
        help="a server of this deployment; without it every image is answered "
        "here",
    )
    parser.add_argument(
        "--transport",
        choices=tuple(TRANSPORTS),
        default=DEFAULT,
        help="the server's protocol (default: %(default)s); gRPC needs "
        "grpcio here, TF Serving has no cloud-only",
    )
    parser.add_argument(
        "--tls_cert",
        metavar="FILE",
        type=os.path.expanduser,
        help="PEM file to check the server's certificate; encrypts gRPC",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="the served model's name (default: the deployment's)",
    )
    parser.add_argument(
        "--image_model",
        metavar="NAME",
        help="the served model that takes image files, for cloud-only "
        "(default: the deployment's, if it has one)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="end with code 1 if the server or the plan isn't this "
        "deployment's, in place of answering every image here",
    )
    parser.add_argument(
        "--local",
        action="store_true",
        help="never send anything",
    )


def _add_choice(parser):
    parser.add_argument(
        "--plan",
        metavar="FILE",
        type=os.path.expanduser,
        help="plan.json of bottlenet-select (default: the deployment's)",
    )
    parser.add_argument(
        "--goal",
        choices=sorted(GOALS),
        help="the controller's goal (default: latency)",
    )
    parser.add_argument(
        "--deadline_ms",
        metavar="MS",
        type=_positive_number,
        help="from prepared pixels to the answer (default: the plan's, if it "
        "has one)",
    )
    parser.add_argument(
        "--min_accuracy",
        metavar="PERCENT",
        type=_percent,
        help="least accuracy of a choice (default: the plan's)",
    )
    parser.add_argument(
        "--choice",
        metavar="NAME",
        help="always this choice of the plan while the link is alive, in place "
        "of the controller",
    )
    parser.add_argument(
        "--unit",
        metavar="NAME",
        help="always this unit of the deployment while the link is alive, with "
        "or without a plan (default without a plan: its first)",
    )
    parser.add_argument(
        "--point",
        metavar="N",
        type=index,
        help="the unit's operating point (default: the unit's own)",
    )
    parser.add_argument(
        "--max_bytes",
        metavar="N",
        type=positive,
        help="most bytes of a payload: an image that takes more is sent at the "
        "finest coarser point that fits; without a plan, or with --unit alone, "
        "every image at the finest that fits",
    )


def _add_device(parser, deploy):
    parser.add_argument(
        "--deploy",
        metavar="FOLDER",
        type=os.path.expanduser,
        default=deploy,
        help="the deployment, or its folder `edge`"
        + (" (default: %(default)s)" if deploy else ""),
    )
    add_engine(parser, "the networks")
    parser.add_argument(
        "--paced",
        action="store_true",
        help="for trials on a faster machine: compute no faster than the "
        "plan's device",
    )


def _number(text):
    try:
        return float(text)
    except ValueError:
        return -1.0


def _positive_number(text):
    if not 0 < _number(text) < float("inf"):
        raise argparse.ArgumentTypeError(
            "{!r} is not a positive number".format(text)
        )
    return float(text)


def _percent(text):
    if not 0 <= _number(text) <= 100:
        raise argparse.ArgumentTypeError(
            "{!r} is not a percentage".format(text)
        )
    return float(text)
