"""The machine underneath: board, clock, journal, and systemd."""
