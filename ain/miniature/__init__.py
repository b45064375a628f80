"""The miniature: a small drawn world with known answers, and the tiny checkpoints trained on it."""
