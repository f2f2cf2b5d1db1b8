"""Servers, found, configured, started and watched.

`bottlenet_tf.serving.inprocess` is a stand-in for development.
"""
