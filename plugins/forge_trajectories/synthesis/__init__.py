"""From blueprints to verified trajectories."""
