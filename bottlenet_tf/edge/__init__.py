"""The device program: images in, one answer each out.

    files, folder, camera -> pixels -> controller and sender -> JSON lines

`program` is the command line, `sources` finds images, `network` computes what
a device computes, `answering` asks the server or the device, `lines` and
`tally` tell what came of it. All of it is written for Python 3.6; NumPy and
Pillow are imported by `network` alone, once the arguments make sense.
"""
