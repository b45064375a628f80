"""Human ratings: blind sheets to fill in, and the results of several raters' filled sheets (Tables 4 and 5)."""
