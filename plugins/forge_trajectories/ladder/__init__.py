"""The checks that a trajectory has to pass, the cheap ones first."""
