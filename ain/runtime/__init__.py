"""The machine that a run uses: devices, ranks, progress bars, standard output."""
