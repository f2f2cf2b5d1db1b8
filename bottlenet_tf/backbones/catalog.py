"""The registry of backbones.

A factory takes `image_size`, `num_classes`, `weights` and `preprocessing` as
keywords and returns a `Backbone`.
"""

from bottlenet_tf.common.registry import Registry

BACKBONES = Registry("backbone")
