"""Robustness: damaged digits, adversarial digits and non-digits, and how a model stands them."""
