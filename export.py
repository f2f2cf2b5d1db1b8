"""Writes deployable heads and tails; see `python export.py --help`."""

from bottlenet_tf.cli.export import main

if __name__ == "__main__":
    main()
