"""Why a digit was read as it was: saliency, the least change that flips it, similar examples."""
