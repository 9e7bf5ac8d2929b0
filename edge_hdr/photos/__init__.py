"""How well labelled photos are read: labels, edits, scores, and a page of every photo."""
