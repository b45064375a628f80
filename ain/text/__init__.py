"""Texts and languages: normalising, numbers, placeholders, corruption. Pure functions."""
