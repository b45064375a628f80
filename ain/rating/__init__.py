"""Ratings by people: blind sheets to fill in, and what several raters say together (Tables 4 and 5)."""
