"""Trains split networks; see `python train.py --help`."""

from bottlenet_tf.cli.train import main

if __name__ == "__main__":
    main()
