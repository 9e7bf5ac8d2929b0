"""Measure models: time, memory and answers, in turns, so that what disturbs one disturbs all."""
