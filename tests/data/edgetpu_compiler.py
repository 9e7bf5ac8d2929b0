"""A stand-in for `edgetpu_compiler`, which comes from Coral's own archive for x86-64 Debian.

It takes the same arguments, prints the same lines and writes the same two files as compiler
16.0 does in google-coral/edgetpu#427 and #671. `STAND_IN` in the environment chooses what goes
wrong: partial, refused, silent, hang, nothing or another-output.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

VERSION = "16.0.384591198"


def main() -> int:
    """Compile the model that the arguments name."""
    fault = os.environ.get("STAND_IN", "")
    model = Path(sys.argv[-1])
    assert sys.argv[1:-1] == ["-s"], "the operator log must be asked for"
    print(f"Edge TPU Compiler version {VERSION}")
    print("Started a compilation timeout timer of 180 seconds.", flush=True)
    if fault == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(os.environ["STAND_IN_PID"]).write_text(str(child.pid))
        time.sleep(60)
    if fault == "refused":
        print("ERROR: Restored original execution plan after delegate application failure.")
        print("Compilation failed: Compilation failed due to large activation tensors in model.")
    if fault in {"refused", "silent"}:
        print("Compilation child process completed within timeout period.")
        print("Compilation failed! ")
        return 1
    _compile(model, model.with_name(f"{model.stem}_edgetpu.tflite"), fault)
    return 0


def _compile(model: Path, output: Path, fault: str) -> None:
    from ai_edge_litert import schema_py_generated as schema

    content = model.read_bytes()
    packed = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    graph, codes = packed.subgraphs[0], packed.operatorCodes
    tensor_names = [tensor.name for tensor in graph.tensors]
    assert len(set(tensor_names)) == len(tensor_names), "tensors are told apart by their names"
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    kinds = [names[codes[item.opcodeIndex].builtinCode] for item in graph.operators]
    left = {"partial": kinds[-1:], "nothing": kinds}.get(fault, [])
    mapped = kinds[: len(kinds) - len(left)]
    if mapped:
        _replace(packed, len(mapped), schema)
    if fault == "another-output":
        graph.tensors[graph.outputs[0]].type = schema.TensorType.UINT8
    output.write_bytes(_bytes(packed))
    status = "Operation version not supported"
    rows = [(name, count, "Mapped to Edge TPU") for name, count in Counter(mapped).items()]
    rows += [(name, count, status) for name, count in Counter(left).items()]
    _report(model, output, rows, len(content))


def _replace(packed: object, count: int, schema: object) -> None:
    """Put one custom operator in place of the first `count` operators."""
    graph = packed.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "edgetpu-custom-op"
    code.version = 1
    packed.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(packed.operatorCodes) - 1
    operator.inputs, operator.outputs = graph.inputs, graph.operators[count - 1].outputs
    graph.operators[:count] = [operator]


def _bytes(packed: object) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(packed.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _report(model: Path, output: Path, rows: list[tuple[str, int, str]], size: int) -> None:
    log = output.with_suffix(".log")
    table = ["Operator                       Count      Status", ""]
    table += [f"{name:<30} {count:<10} {status}" for name, count, status in rows]
    head = [f"Edge TPU Compiler version {VERSION}", f"Input: {model}", f"Output: {output}", ""]
    log.write_text("\n".join([*head, *table, ""]))
    on, off = (sum(n for _, n, said in rows if said.startswith("Mapped") is want)
               for want in (True, False))  # fmt: skip
    print(f"\nModel compiled successfully in 57 ms.\n\nInput model: {model}")
    print(f"Input size: {size / 1024:.2f}KiB\nOutput model: {output}")
    print(f"Output size: {output.stat().st_size / 1024:.2f}KiB")
    print("On-chip memory used for caching model parameters: 36.50KiB")
    print("On-chip memory remaining for caching model parameters: 7.84MiB")
    print("Off-chip memory used for streaming uncached model parameters: 0.00B")
    print(f"Number of Edge TPU subgraphs: {min(on, 1)}\nTotal number of operations: {on + off}")
    print(f"Operation log: {log}\n")
    if off:
        print("Model successfully compiled but not all operations are supported by the Edge TPU.")
        print(f"Number of operations that will run on Edge TPU: {on}")
        print(f"Number of operations that will run on CPU: {off}\n")
    print("\n".join(table))
    print("Compilation child process completed within timeout period.\nCompilation succeeded! ")


if __name__ == "__main__":
    sys.exit(main())
