"""A sheet to print, write digits on and photograph: drawn, found in a photo, cut and read."""
