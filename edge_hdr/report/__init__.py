"""Figures and HTML pages that show what a command measured."""
