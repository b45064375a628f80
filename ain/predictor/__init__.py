"""Predictors: how a model is asked. Each is a class with `predict(checkpoint, processor, asked) -> answers`."""
