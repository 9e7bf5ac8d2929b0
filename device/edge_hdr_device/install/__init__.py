"""A payload becomes a release that runs here: verified, tried, switched, watched, or undone."""
