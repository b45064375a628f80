"""Pure functions from texts and answers to numbers."""
