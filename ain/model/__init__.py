"""Models to train: how they are loaded, how conversations become their tokens, how they are saved again."""
