"""The exact versions of all packages that a board gets, and what goes with what."""

from __future__ import annotations

NUMPY, OPENCV = "numpy", "opencv-python-headless"
LITERT, TFLITE = "ai-edge-litert", "tflite-runtime"
# An environment needs nothing but these: they are installed without a look at dependencies.
PINS = {
    NUMPY: "2.4.6",
    OPENCV: "5.0.0.93",
    LITERT: "2.3.0",
    "backports.strenum": "1.2.8",
    "flatbuffers": "25.12.19",
    "ml_dtypes": "0.6.0",
    "protobuf": "7.36.2",
    "tqdm": "4.70.1",
    "starlette": "1.10.0",
    "anyio": "4.16.0",
    "idna": "3.20",
    "typing_extensions": "4.16.0",
    "uvicorn": "0.54.0",
    "click": "8.5.1",
    "h11": "0.16.0",
    "paho-mqtt": "2.2.0",
    "prometheus_client": "0.26.0",
}
# Those that go with a numpy 1.x; a system that has one keeps it for picamera2.
NUMPY_1_PINS = {"ml_dtypes": "0.5.4", OPENCV: "4.11.0.86"}
TFLITE_PINS = {TFLITE: "2.14.0", NUMPY: "1.26.4", OPENCV: "4.11.0.86"}
NEEDED_WITH = {  # what comes along with a package, by the name that it is imported by
    "numpy": (NUMPY,),
    "cv2": (OPENCV,),
    "ai_edge_litert": (
        *(LITERT, "backports.strenum", "flatbuffers", "ml_dtypes", "protobuf", "tqdm"),
        "typing_extensions",
    ),
    "tflite_runtime": (TFLITE,),
    "starlette": ("starlette", "anyio", "idna", "typing_extensions"),
    "uvicorn": ("uvicorn", "click", "h11"),
    "paho": ("paho-mqtt",),
    "prometheus_client": ("prometheus_client",),
}
LEAST = {  # versions from which a system's own package will do
    "numpy": "1.23.5",
    "cv2": "4.6",  # Bookworm's; proven on it
    "ai_edge_litert": "2.0",
    "tflite_runtime": "2.14",
    "starlette": "0.37",
    "uvicorn": "0.29",
    "paho": "2.1",
    "prometheus_client": "0.20",
}
