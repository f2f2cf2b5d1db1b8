"""Finds, configures, starts and watches servers.

`bottlenet_tf.serving.inprocess` is a stand-in for development.
"""
