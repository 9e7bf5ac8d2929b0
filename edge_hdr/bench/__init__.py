"""Measure models side by side: subjects, run, document, fronts, comparison with a baseline."""
