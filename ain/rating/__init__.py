"""Ratings by people: blind sheets to fill in, and what the filled sheets of several raters give (Tables 4 and 5)."""
