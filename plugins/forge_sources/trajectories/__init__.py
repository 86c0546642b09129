"""Source ``trajectories``: published data sets of tool use."""
