"""Weights & Biases: what a job and a training publish."""
