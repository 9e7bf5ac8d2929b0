"""The command line of edge-hdr: one thin file a command."""
