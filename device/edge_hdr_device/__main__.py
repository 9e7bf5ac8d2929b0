"""`python -m edge_hdr_device` is the same as `edge-hdr-device`."""

from edge_hdr_device.cli.app import main

main()
