"""The machine: devices, ranks, progress, standard output."""
