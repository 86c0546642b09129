"""What the catalogue's tables hold, as SQL. Change nothing here that a released migration uses: add a migration.

``apis`` keeps every row that a source gave; the same operation from two sources is two rows, each with its provenance.
What the rule of counting says of a row is worked out once, at load, into two flags, so that the views cost a scan:

- ``chosen``: of the rows with one id, this one stands for the operation (first by source, then by content).
- ``documented``: chosen, documented, and first by id among those of the same name and description.

Rows lie in order of bucket, then provider, service and path: the vectors that DuckDB compresses as one then hold
operations that share their wording, and a snapshot reads each bucket without touching the others.
"""

API_COLUMNS = (
    "provider",
    "service",
    "name",
    "kind",
    "method",
    "path",
    "description",
    "parameters",
    "returns",
    "examples",
    "errors",
    "auth",
    "license",
    "source",
    "url",
    "version",
    "retrieved_at",
    "id",
    "content_hash",
)
LONG_TEXTS = frozenset({"description", "parameters", "returns", "examples", "errors"})
"""Columns worth Zstandard: it halves the file against DuckDB's own choice; on short columns it only costs time."""

ROW_ORDER = (
    "bucket",
    "provider",
    "service",
    "path",
    "method",
    "name",
    "id",
    "source",
    "content_hash",
    "version",
    "url",
    "license",
    "retrieved_at",
)
"""A total order, but for rows equal in every column."""

_COLUMNS = ", ".join(
    f"{column} VARCHAR{' USING COMPRESSION zstd' if column in LONG_TEXTS else ''}" for column in API_COLUMNS
)

TABLES = f"""
CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);
CREATE TABLE collections (source VARCHAR NOT NULL, file VARCHAR NOT NULL, apis BIGINT NOT NULL);
CREATE TABLE apis ({_COLUMNS}, bucket UTINYINT NOT NULL, chosen BOOLEAN NOT NULL, documented BOOLEAN NOT NULL);
CREATE VIEW distinct_apis AS SELECT * FROM apis WHERE chosen;
CREATE VIEW documented_apis AS SELECT * FROM apis WHERE documented;
"""

COUNT_TABLE = "CREATE TABLE counts (facet VARCHAR NOT NULL, label VARCHAR NOT NULL, apis BIGINT NOT NULL);"

FILL_COUNTS = """
DELETE FROM counts;
INSERT INTO counts
    SELECT 'total', 'raw', count(*) FROM apis UNION ALL
    SELECT 'total', 'distinct', count(*) FROM distinct_apis UNION ALL
    SELECT 'total', 'documented', count(*) FROM documented_apis UNION ALL
    SELECT 'source', source, count(*) FROM apis GROUP BY source UNION ALL
    SELECT 'provider', provider, count(*) FROM documented_apis GROUP BY provider UNION ALL
    SELECT 'licence', license, count(*) FROM documented_apis GROUP BY license;
"""
