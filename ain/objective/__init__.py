"""Training objectives: LightningModules, which `train` completes with the loaded model and the number of steps."""
