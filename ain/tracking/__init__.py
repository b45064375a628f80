"""Publish jobs and training runs to Weights & Biases."""
