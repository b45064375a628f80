"""What people decide about single records: their verdicts, and which translations are asked for again."""
