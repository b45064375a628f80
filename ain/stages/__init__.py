"""The stages, one verb a file: each reads its inputs' directories, writes its own, and returns what it counted."""
