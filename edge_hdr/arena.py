"""Plan the arena: how much memory a model's activations need when they take turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_hdr.flatbuffer import Graph

ALIGNMENT_BYTES = 64
METHOD = (
    "greedy-by-size plan of the activations at batch 1, 64-byte aligned, as LiteRT's arena "
    "planner does; scratch of the kernels and the delegate's own workspace are not counted"
)
_IN_PLACE = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}  # the output is the input's memory


@dataclass(frozen=True)
class Need:
    """Memory wanted from the run of operator `first` to that of operator `last`, both included."""

    size_bytes: int
    first: int
    last: int


def plan(needs: Sequence[Need]) -> int:
    """Place the largest first, each at the lowest gap among those that live at the same time.

    Returns:
        The size of the arena in bytes.

    Source: Y. Pisarchyk and J. Lee, "Efficient Memory Management for Deep Neural Net Inference",
    2020, greedy by size; tensorflow/lite/simple_memory_arena.cc.
    """
    placed: list[tuple[int, Need]] = []
    for need in sorted(needs, key=lambda need: (-need.size_bytes, need.first)):
        start = 0
        for other_start, other in sorted(placed, key=lambda item: item[0]):
            if other.first > need.last or need.first > other.last:
                continue
            if start + need.size_bytes <= other_start:
                break
            start = max(start, _align(other_start + other.size_bytes))
        placed.append((start, need))
    return max((start + need.size_bytes for start, need in placed), default=0)


def activation_needs(graph: Graph) -> list[Need]:
    """Find how long each activation lives.

    Inputs and outputs of the model are kept to the end; constants and what is computed from
    constants alone (a float16 file's dequantized weights) are no activations.
    """
    owner = _owners(graph)
    still = _constant_tensors(graph)
    life: dict[int, tuple[int, int]] = {}
    for index in graph.inputs:
        life[index] = (0, len(graph.operators))
    for operator in graph.operators:
        for index in (*operator.inputs, *operator.outputs):
            if index < 0 or index in still:
                continue
            first, last = life.get(owner[index], (operator.index, operator.index))
            life[owner[index]] = (first, max(last, operator.index))
    for index in graph.outputs:
        first, _ = life.get(owner[index], (0, 0))
        life[owner[index]] = (first, len(graph.operators))
    return [Need(graph.tensors[index].size_bytes, *span) for index, span in life.items()]


def _owners(graph: Graph) -> list[int]:
    """Name for each tensor the one whose memory it uses: itself, or a reshape's input."""
    owner = list(range(len(graph.tensors)))
    for operator in graph.operators:
        if operator.name in _IN_PLACE:
            owner[operator.outputs[0]] = owner[operator.inputs[0]]
    return owner


def _constant_tensors(graph: Graph) -> set[int]:
    still = {tensor.index for tensor in graph.tensors if tensor.is_constant}
    for operator in graph.operators:
        if all(index in still or index < 0 for index in operator.inputs):
            still.update(operator.outputs)
    return still


def _align(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
