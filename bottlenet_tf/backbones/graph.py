"""Walks the graph of a functional Keras model, call by call.

The only module that uses private parts of Keras: nodes, and layers inside
layers. A node is one call of a layer or of a `keras.ops` function, so a layer
that is called twice has two.
"""

import collections

import keras


def as_functional(model):
    """Returns a functional or `Sequential` model as a functional one."""
    model = with_graph(model)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            "The model must have one input, the image, and one output, the "
            f"logits. Received: inputs={len(model.inputs)}, "
            f"outputs={len(model.outputs)}"
        )
    return model


def with_graph(model):
    """As `as_functional`, with any number of inputs and outputs."""
    if isinstance(model, keras.Sequential) and model.built:
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if not has_graph(model):
        raise ValueError(
            "The model must be a built functional or Sequential model, because "
            "a subclassed model has no graph to cut: build it from its layers "
            f"by keras.Model(inputs, outputs). Received: model={model!r}"
        )
    return model


def has_graph(operation):
    """Whether this is a model whose inner calls can be walked."""
    return hasattr(operation, "_nodes_by_depth")


def all_layers(layer):
    """Returns a layer or model and all layers inside it, at any depth.

    `Model.layers` stops at layers that aren't models.
    """
    return layer._flatten_layers()


def number_operations(model):
    """Numbers the operations of a model, such as `h + r`, by their order.

    Keras numbers them by everything that the process has built before.
    """
    layers, others = [], []
    for operation in (node.operation for node in nodes(model)):
        is_layer = isinstance(operation, keras.layers.Layer)
        (layers if is_layer else others).append(operation)
    taken = {layer.name for layer in layers}
    counts = collections.Counter()
    for operation in others:
        kind = operation.name.rstrip("0123456789").rstrip("_")
        name = None
        while name is None or name in taken:
            counts[kind] += 1
            name = f"{kind}_{counts[kind]}"
        operation.name = name


def free_name(wanted, model):
    """Returns `wanted`, with underscores until no operation of `model` has it.

    For a layer added to a user's network, whose layers keep the names that cuts
    are given by.
    """
    taken = {node.operation.name for node in nodes(model)}
    while wanted in taken:
        wanted += "_"
    return wanted


def unfreeze(model):
    """Makes all layers of a model trainable, at any depth."""
    for layer in all_layers(model):
        layer.trainable = True


def learned_weights(model):
    """Returns the trained weights of a model, and the frozen ones.

    The latter belong to layers declared not trainable; statistics of batch
    norms are in neither list. The weights may be those of a copy.
    """
    if all(layer.trainable for layer in all_layers(model)):
        return model.trainable_weights, []
    copy = keras.models.clone_model(model)
    learned = {id(weight) for weight in copy.trainable_weights}
    unfreeze(copy)
    weights = copy.trainable_weights
    return weights, [weight for weight in weights if id(weight) not in learned]


def nodes(model):
    """Returns the calls between input and output, in topological order."""
    by_depth = model._nodes_by_depth  # distance from the output
    depths = sorted(by_depth, reverse=True)
    return [node for depth in depths for node in by_depth[depth]]


def producer(model, tensor):
    """Returns the call in `model` that makes this tensor."""
    for node in nodes(model):
        if any(output is tensor for output in node.outputs):
            return node
    raise ValueError(
        "The tensor must belong to this model's graph. "
        f"Received: tensor={tensor!r}, model={model.name!r}"
    )


def parents(ordered_nodes):
    """Returns, per node, the positions of the nodes that feed it."""
    producer = {
        id(tensor): position
        for position, node in enumerate(ordered_nodes)
        for tensor in node.outputs
    }
    return [
        [producer[id(tensor)] for tensor in node.input_tensors]
        for node in ordered_nodes
    ]


def separating_nodes(model):
    """Returns `(position, node)` of every call that all paths go through.

    A call separates the network exactly if no edge of a topological order
    jumps over it. Input and final output are among the results.
    """
    ordered = nodes(model)
    last_use = list(range(len(ordered)))
    for position, feeding in enumerate(parents(ordered)):
        for parent in feeding:
            last_use[parent] = max(last_use[parent], position)
    separating, farthest = [], 0
    for position, node in enumerate(ordered):
        if farthest <= position:
            separating.append((position, node))
        farthest = max(farthest, last_use[position])
    return separating


def replay(model, tensor, call=None):
    """Applies the model's layers, shared, to another symbolic input.

    Args:
        call: `call(operation, *args, **kwargs)`; the plain call if None.
    """
    if call is None:
        call = _call
    values = {id(model.inputs[0]): tensor}
    for node in nodes(model):
        if node.is_input:
            continue
        args, kwargs = node.arguments.fill_in(values)
        results = keras.tree.flatten(call(node.operation, *args, **kwargs))
        values.update(zip(map(id, node.outputs), results, strict=True))
    return values[id(model.outputs[0])]


def _call(operation, *args, **kwargs):
    return operation(*args, **kwargs)
