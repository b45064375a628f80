"""What a person types and reads: arguments and errors."""
