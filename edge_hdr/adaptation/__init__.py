"""Adapt a released model to one's own handwriting, and judge whether it is better for it."""
