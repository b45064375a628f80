"""Verifiers: how near a translation is to its original. Each is a class with `embed(texts) -> [texts, dimension]`."""
