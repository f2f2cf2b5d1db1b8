"""What a split costs on a machine: time, memory, bytes, energy.

`measure.run` measures, `profile_file` holds what was measured, `meters` are
behind the energy. Numbers with units; nothing is decided here. Imports
nothing, because reading a profile needs no TensorFlow.
"""
