"""Running a training: packing samples into rows, distributing over ranks, monitoring, checkpoints and resuming."""
