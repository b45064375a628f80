"""The command line: its arguments and its entry point."""
