"""The `edge-hdr-device` command: one thin file a command."""
