"""Resolve a composed config into a graph of stages and run them."""
