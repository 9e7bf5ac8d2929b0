"""Cameras: one protocol for every source of frames, and the thread that keeps the newest one."""
