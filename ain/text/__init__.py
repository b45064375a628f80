"""Pure functions on texts and languages: normalising, scripts, numbers, placeholders, corruption."""
