"""The device program: images in, one answer each out.

    files, folder, camera -> pixels -> controller and sender -> JSON lines

`program` is the command line, `sources` finds images, `network` computes on the
device, `answering` asks the server or the device, `output` and `tally` report.
Written for Python 3.6; Only `network` imports NumPy and Pillow, after valid
arguments.
"""
