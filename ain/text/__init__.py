"""Texts and languages: normalising, scripts, numbers, placeholders, corruption. Pure functions."""
