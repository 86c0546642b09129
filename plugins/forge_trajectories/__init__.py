"""Renderers of API records (and, later, synthesizers of trajectories) shipped with the forge."""
