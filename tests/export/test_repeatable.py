"""The same network is exported as the same bytes."""

import copy
import random

import onnx
import pytest

from bottlenet_tf import export
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.export import frozen, onnx_graphs, repeatable
from bottlenet_tf.export.staging import checksums


def _shuffled(graph, seed):
    """Returns a graph as another process might have made it."""
    made = copy.deepcopy(graph)
    names = {
        name: f"other__{seed}{i}"
        for i, name in enumerate(
            [t.name for t in graph.initializer]
            + [name for node in graph.node for name in node.output]
        )
    }
    for each in (*graph.input, *graph.output):
        names.pop(each.name, None)
    for node in made.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        # Of several equal nodes, any one is kept.
        node.name = f"another/path/{node.name}__{seed}"
    for tensor in made.initializer:
        tensor.name = names[tensor.name]
    for field in (made.node, made.initializer):
        items = list(copy.deepcopy(field))
        random.Random(seed).shuffle(items)
        del field[:]
        field.extend(items)
    return made


def test_names_and_orders_of_a_process_leave_no_trace(network):
    graph = onnx_graphs.convert(frozen.tail(network)).graph
    repeatable.order_onnx(graph)
    wanted = graph.SerializeToString()
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    for seed in (1, 2):
        found = _shuffled(graph, seed)
        assert found.SerializeToString() != wanted
        repeatable.order_onnx(found)
        assert [n.op_type for n in found.node] == [
            n.op_type for n in graph.node
        ]
        assert found.SerializeToString() == wanted
    onnx.checker.check_graph(graph)


@pytest.mark.slow
def test_two_exports_of_the_same_runs_are_the_same_bytes(both, sweep, tmp_path):
    export.run(
        ExportConfig(
            workdir=(str(sweep),),
            out=str(tmp_path / "again"),
            parity_images=20,
            litert=(),
        )
    )
    assert checksums(both) == checksums(tmp_path / "again")
