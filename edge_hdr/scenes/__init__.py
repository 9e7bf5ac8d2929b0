"""Generated pictures of written numbers, as cameras see them, with exact truth."""
