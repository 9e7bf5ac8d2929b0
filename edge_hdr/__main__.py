"""Run the command line as `python -m edge_hdr`."""

from edge_hdr.cli.app import main

if __name__ == "__main__":
    main()
