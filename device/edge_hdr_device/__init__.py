"""The device runtime of edge-hdr: frame to digits with numpy, OpenCV and a TFLite interpreter."""

__version__ = "0.1.0"
