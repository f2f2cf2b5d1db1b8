"""Time, memory, bytes and energy of splits on a machine.

`measure.run` measures, by `meters` for the energy; `profile_file` reads and
writes. Numbers with units; nothing is decided here. Imports nothing, because
reading a profile needs no TensorFlow.
"""
