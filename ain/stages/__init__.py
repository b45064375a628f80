"""The stages, one per file. Each reads its inputs' directories, writes its own and returns its counts."""
