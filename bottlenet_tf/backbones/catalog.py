"""The one registry of backbones by name.

A factory takes `image_size`, `num_classes`, `weights` and `preprocessing` by
keyword and returns a `Backbone`.
"""

from bottlenet_tf.common.registry import Registry

BACKBONES = Registry("backbone")
