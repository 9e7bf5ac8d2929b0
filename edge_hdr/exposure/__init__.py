"""Exposure: what a device's eye makes of generated scenes, as material for training."""
