"""How a trajectory is written down for training, and read back."""
