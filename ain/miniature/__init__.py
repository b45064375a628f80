"""The miniature: a small drawn world that is its own answer key, and the tiny checkpoints trained on it."""
