"""Screeners: is a picture safe to train on? Each is a class with `judge(images) -> answers`, JSON as text, and a `key`."""
