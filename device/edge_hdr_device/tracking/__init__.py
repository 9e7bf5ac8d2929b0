"""Reading over time: digits followed from frame to frame, and what frames agree on."""
