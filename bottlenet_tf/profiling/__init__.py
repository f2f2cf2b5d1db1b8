"""Time, memory, bytes and energy of splits on a machine.

`measure.run` measures, with `meters` for energy; `profile_file` reads and
writes. Numbers have units; nothing is decided here. Imports nothing, because
reading a profile needs no TensorFlow.
"""
