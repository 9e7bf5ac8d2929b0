"""Tell what a file is that should have been a TFLite model."""

from __future__ import annotations

from edge_hdr_device.errors import ModelError

IDENTIFIER = b"TFL3"  # bytes 4 to 8 of a TFLite flatbuffer
TFLITE = "give a .tflite file made by `edge-hdr build` or another TFLite converter"
CONVERT = "convert it to TFLite with tf.lite.TFLiteConverter, and give the .tflite file"
PICTURE = "give a .tflite file; `edge-hdr recognize` reads pictures"
KINDS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes", CONVERT),
    (b"PK\x03\x04", "a zip archive, as .keras, .npz and .pt files are", CONVERT),
    (b"\x89PNG", "a PNG picture", PICTURE),
    (b"\xff\xd8\xff", "a JPEG picture", PICTURE),
    (b"\x1f\x8b", "a gzip archive", "unpack it, and give the .tflite file in it"),
    (b"\x93NUMPY", "a numpy array", TFLITE),
    (b"version https://git-lfs", "the place of a file that Git LFS keeps", "git lfs pull"),
)


def is_tflite(content: bytes) -> bool:
    """Tell whether bytes begin as a TFLite flatbuffer does."""
    return content[4:8] == IDENTIFIER


def no_tflite(name: str, content: bytes) -> ModelError:
    """Make the error for a file that is something else, saying what it seems to be.

    Args:
        name: of the file.
        content: its bytes.
    """
    kind, hint = _kind(content)
    return ModelError(f"{name} is no TFLite file; it {kind}", hint=hint)


def _kind(content: bytes) -> tuple[str, str]:
    if not content:
        return "is empty", "build or copy it again"
    for magic, kind, hint in KINDS:
        if content.startswith(magic):
            return f"seems to be {kind}", hint
    if content[0] == 0x80 and content[1:2] in (b"\2", b"\3", b"\4", b"\5"):  # PROTO and its version
        return "seems to be a Python pickle", TFLITE
    # a protobuf: ir_version, a small number, then a field of bytes; see onnx.proto's ModelProto
    first, version, second = content[:3].ljust(3, b"\0")
    if first == 0x08 and 1 <= version < 32 and second & 7 == 2:
        return (
            "seems to be an ONNX model",
            "`edge-hdr bench` measures it; for all else convert it to TFLite",
        )
    if _is_text(content[:512]):
        return "seems to be text", TFLITE
    return "is of an unknown kind", TFLITE


def _is_text(start: bytes) -> bool:
    text = start.decode("utf-8", errors="replace").rstrip("\ufffd")  # a letter may be cut in two
    return "\ufffd" not in text and all(letter.isprintable() or letter.isspace() for letter in text)
