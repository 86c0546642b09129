"""Filter plugins shipped with the forge: one module, one filter."""
