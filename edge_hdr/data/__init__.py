"""Labelled digits: MNIST, folders, procedural handwriting, splits and augmentation."""
