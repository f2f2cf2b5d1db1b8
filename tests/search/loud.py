"""A module that writes to standard error on import, as TensorFlow does."""

import os

os.write(2, b"oneDNN custom operations are on\n")
