"""The catalogue: one DuckDB file of APIs, its schema, migrations and queries."""
