"""Named, parameterized Keras builders, one file a family."""
