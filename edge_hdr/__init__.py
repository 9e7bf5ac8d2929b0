"""The host side of edge-hdr: train, compress, export, verify and report."""

from edge_hdr_device import __version__

__all__ = ["__version__"]
