"""What training minimises: LightningModules, completed by `train` with the loaded model and the number of steps."""
