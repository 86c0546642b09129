"""Tools from the catalogue: which of them go together, and what is needed to run one again."""
