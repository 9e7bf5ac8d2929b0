"""The net that vetoes by surroundings: its material, its threshold and its card."""
