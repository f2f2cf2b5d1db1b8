"""The programs' parts on device and server, without TensorFlow.

`edge.Head` turns images into payloads, `cloud.Tail` payloads into class
probabilities, `whole.Whole` images into those at once; `device` is the program
around the head. Everything is written for Python 3.6, which older devices have.
Nothing is imported here: the program's `--help` must not wait for NumPy.
"""
