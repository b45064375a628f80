"""Models to train: loading them, turning conversations into tokens, and saving them."""
