"""What the catalogue's tables hold, as SQL. Change nothing here that a released migration uses: add a migration.

``apis`` keeps every row that a source gave; the same operation from two sources is two rows, each with its provenance.
What the rules of counting say of a row is worked out once, at load, so that the views cost a scan:

- ``operation``: the identity across sources; all rows with one ``operation`` are provenances of one API. It is the
  smallest id among them.
- ``chosen``: of the rows of one operation, this one stands for it: a documented one if there is any, then the first by
  source and content.
- ``documented``: chosen, documented, and first by id among those of the same name and description.
- ``cluster``: of a documented row, the group of structural near-duplicates that it belongs to: the smallest id among
  them. The row whose id it is stands for the group by the strict rule.

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
    "license_evidence",
    "terms_url",
    "category",
    "deprecated",
    "meta",
    "source",
    "url",
    "version",
    "retrieved_at",
    "id",
    "content_hash",
)
"""The fields of an `ApiRecord`, as they are today."""

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

# Columns worth Zstandard (it halves the file against DuckDB's own choice) are the long texts; on short ones it only
# costs time.
TABLES = """
CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);
CREATE TABLE collections (source VARCHAR NOT NULL, file VARCHAR NOT NULL, apis BIGINT NOT NULL);
CREATE TABLE apis (
    provider VARCHAR, service VARCHAR, name VARCHAR, kind VARCHAR, method VARCHAR, path VARCHAR,
    description VARCHAR USING COMPRESSION zstd, parameters VARCHAR USING COMPRESSION zstd,
    returns VARCHAR USING COMPRESSION zstd, examples VARCHAR USING COMPRESSION zstd,
    errors VARCHAR USING COMPRESSION zstd, auth VARCHAR, license VARCHAR, source VARCHAR, url VARCHAR, version VARCHAR,
    retrieved_at VARCHAR, id VARCHAR, content_hash VARCHAR,
    bucket UTINYINT NOT NULL, chosen BOOLEAN NOT NULL, documented BOOLEAN NOT NULL
);
CREATE VIEW distinct_apis AS SELECT * FROM apis WHERE chosen;
CREATE VIEW documented_apis AS SELECT * FROM apis WHERE documented;
"""
"""Version 1."""

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
"""Version 2; a load counts by it too."""

IDENTITY_COLUMNS = """
DROP VIEW distinct_apis;
DROP VIEW documented_apis;
ALTER TABLE apis ADD COLUMN license_evidence VARCHAR DEFAULT '';
ALTER TABLE apis ADD COLUMN terms_url VARCHAR;
ALTER TABLE apis ADD COLUMN category VARCHAR DEFAULT '';
ALTER TABLE apis ADD COLUMN deprecated BOOLEAN;
ALTER TABLE apis ADD COLUMN meta VARCHAR DEFAULT '{}';
ALTER TABLE apis ADD COLUMN operation VARCHAR;
ALTER TABLE apis ADD COLUMN cluster VARCHAR;
UPDATE apis SET operation = id;
CREATE VIEW distinct_apis AS SELECT * FROM apis WHERE chosen;
CREATE VIEW documented_apis AS SELECT * FROM apis WHERE documented;
CREATE VIEW strict_apis AS SELECT * FROM apis WHERE documented AND cluster = id;
CREATE VIEW licence_counts AS
    SELECT license, count(*) AS apis, count(*) FILTER (WHERE license_evidence <> '') AS with_evidence,
        count(terms_url) AS with_terms
    FROM documented_apis GROUP BY license;
CREATE TABLE near_duplicates (
    rule VARCHAR NOT NULL, place UTINYINT NOT NULL, apis BIGINT NOT NULL, providers BIGINT NOT NULL,
    provider VARCHAR NOT NULL, name VARCHAR NOT NULL, id VARCHAR NOT NULL, description VARCHAR NOT NULL
);
"""
"""Version 3, first half: what an older file's rows do not say is left empty until the next load."""

HISTORY_TABLES = """
CREATE TABLE history (
    id VARCHAR NOT NULL, source VARCHAR NOT NULL, first_seen VARCHAR, since VARCHAR, last_seen VARCHAR, gone_at VARCHAR
);
CREATE TABLE versions (
    id VARCHAR NOT NULL, source VARCHAR NOT NULL, content_hash VARCHAR NOT NULL, first_seen VARCHAR, last_seen VARCHAR,
    superseded_at VARCHAR NOT NULL, content VARCHAR NOT NULL USING COMPRESSION zstd
);
CREATE TABLE events (
    happened_at VARCHAR NOT NULL, kind VARCHAR NOT NULL, source VARCHAR NOT NULL, id VARCHAR NOT NULL,
    provider VARCHAR NOT NULL, service VARCHAR NOT NULL, name VARCHAR NOT NULL,
    changes VARCHAR NOT NULL USING COMPRESSION zstd
);
INSERT INTO history
    SELECT id, source, NULL, NULL, NULL, NULL FROM apis GROUP BY id, source ORDER BY id, source;
"""
"""Version 3, second half. Dates are ISO 8601 UTC; NULL stands for before the file kept a history.

- ``history``: a row for each id and source ever seen. ``since``: the load that brought the present content.
- ``versions``: contents that were superseded: JSON of the fields in which a version differs from the one after it, or
  the whole where the API had gone.
- ``events``: what each load found, APIs one by one; a whole source that comes or goes is one event without an id.
"""
