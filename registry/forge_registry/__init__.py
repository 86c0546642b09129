"""The catalogue: one DuckDB file of APIs, its schema, migrations and queries.

`DuckCatalog` is the whole interface; it fulfils `forge.catalog.Catalog`. Importing this package costs a few
milliseconds: duckdb and pyarrow are imported when a catalogue is opened.
"""

from forge_registry.catalog import DuckCatalog

__all__ = ["DuckCatalog"]
