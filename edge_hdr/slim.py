"""Take a TFLite file to fewer bytes that load and compute the same."""

from __future__ import annotations

from typing import Any

from edge_hdr.errors import ModelError


def slim(flatbuffer: bytes) -> bytes:
    """Rewrite a model without what no interpreter needs.

    Names, metadata, descriptions, signatures, recorded ranges and unused buffers go; equal
    buffers and equal vectors (scales, zero points, shapes) are stored once. Tensors, operators
    and weights stay as they are, and constant data keep the schema's alignment of 16 bytes.

    Args:
        flatbuffer: a TFLite model, no packed manifest.

    Raises:
        ModelError: it is no TFLite model.

    Source: the TFLite schema, version 3.
    """
    from ai_edge_litert import schema_py_generated as schema

    if flatbuffer[4:8] != b"TFL3":
        raise ModelError("slim was given no TFLite model", hint="give a .tflite file")
    model = schema.ModelT.InitFromPackedBuf(bytearray(flatbuffer), 0)
    model.metadata = model.metadataBuffer = model.signatureDefs = model.description = None
    for graph in model.subgraphs:
        graph.name = None
        for tensor in graph.tensors:
            tensor.name = tensor.shapeSignature = None
            if tensor.quantization is not None:
                _slim_quantization(tensor)
    model.buffers = _share_buffers(model, schema)
    builder = _sharing_builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def named(flatbuffer: bytes) -> bytes:
    """Give each tensor a name of its own, which `slim` took and some compilers go by."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(flatbuffer), 0)
    for number, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            tensor.name = f"graph{number}_tensor{index}"
    builder = _sharing_builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _slim_quantization(tensor: Any) -> None:
    quantization = tensor.quantization
    quantization.min = quantization.max = None
    if quantization.scale is None or len(quantization.scale) == 0:
        tensor.quantization = None


def _share_buffers(model: Any, schema: Any) -> list[Any]:
    """Keep one buffer a distinct content, and the empty one at 0 that the format wants."""
    kept, index_of = [schema.BufferT()], {b"": 0}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            content = b"" if data is None else bytes(data)
            if content not in index_of:
                index_of[content] = len(kept)
                kept.append(model.buffers[tensor.buffer])
            tensor.buffer = index_of[content]
    return kept


def _sharing_builder() -> Any:
    import flatbuffers
    import numpy as np
    from numpy.typing import NDArray

    class SharingBuilder(flatbuffers.Builder):
        """A builder that stores equal vectors of numbers once, and constant data aligned."""

        head: int

        def __init__(self) -> None:
            super().__init__(1024)
            self._known: dict[tuple[str, bytes], int] = {}

        def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802
            key = (x.dtype.str, x.tobytes())
            if key not in self._known:
                self._known[key] = self._aligned(x) if x.dtype == np.uint8 else self._plain(x)
            return self._known[key]

        def _plain(self, x: NDArray[Any]) -> int:
            return int(super().CreateNumpyVector(x))

        def _aligned(self, x: NDArray[Any]) -> int:
            self.StartVector(1, x.size, 16)
            start: int = self.head - x.size
            self.head = start
            self.Bytes[start : start + x.size] = x.tobytes()
            self.vectorNumElems = x.size
            return int(self.EndVector())

    return SharingBuilder()
