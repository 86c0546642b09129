"""Source plugins shipped with the forge: one module, one source."""
