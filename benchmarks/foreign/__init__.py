"""What `benchmarks/peers.py` measures beside ours: files, libraries and pipelines of others."""
