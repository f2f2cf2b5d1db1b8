"""What runs on the device and on the server, without TensorFlow.

`edge.Head` turns images into payloads, `cloud.Tail` payloads into class
probabilities, `whole.Whole` images into those at once; `device` is the program
around the head. All of it is written for Python 3.6, which older devices have.
Nothing is imported here: the program's `--help` shall not wait for NumPy.
"""
