"""Structural near-duplicates among the distinct documented APIs, and the strict count that they leave.

Two APIs are near-duplicates when either holds:

- *structure*: same method, same path (without host, case, names of parameters and version segments), same parameters
  (names, types, which are required) and same description. This finds mirrored hosts, the Enterprise editions of one
  API, and its versions.
- *wording*: same provider and same description. This finds one sentence said of thousands of operations.

Descriptions are compared without case, punctuation and spacing. The strict count is the number of connected components
under both. Cost: 1 CPU second for 90,000 APIs; parameters are read only of those that share all the rest.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LARGEST = 10
"""How many groups of either rule are kept to be shown."""

# `words` and `place` are what a description and a path say when spelling is taken away. Rows are numbered in order of
# their ids, so that the smallest number of a group is its smallest id. What has no path is placed by its name.
_DOCUMENTED = r"""
CREATE TEMP TABLE documented AS
SELECT *, row_number() OVER (ORDER BY id) AS number, hash(provider, words) AS wording,
    hash(method, coalesce(nullif(place, ''), name), words) AS likeness
FROM (
    SELECT filename, position, id, name, provider, method,
        coalesce(nullif(trim(regexp_replace(lower(description), '[^\p{L}\p{N}]+', ' ', 'g')), ''), description)
            AS words,
        array_to_string(list_filter(
            string_split(regexp_replace(
                regexp_replace(lower(path), '^https?://[^/]+', ''), '\{[^}]*\}|<[^>]*>', '{}', 'g'), '/'),
            lambda part: part <> '' AND NOT regexp_full_match(part,
                'v\d+(?:[._]\d+)*[a-z0-9]*|\d{4}-\d\d-\d\d[a-z-]*|\d+(?:\.\d+)+')), '/') AS place
    FROM judged JOIN staged USING (filename, position)
    WHERE documented
)
"""

# A parameter's name may hold any character: it is looked up by a JSON pointer, where '~' and '/' are escaped.
_SHAPES = """
CREATE TEMP TABLE shapes AS
SELECT number, hash(likeness, list_sort(list_transform(json_keys(parameters, '$.properties'), lambda name:
        name || chr(0) || coalesce(json_extract_string(parameters,
            '/properties/' || replace(replace(name, '~', '~0'), '/', '~1') || '/type'), ''))),
    list_sort(json_extract_string(parameters, '$.required[*]'))) AS shape
FROM (
    SELECT number, likeness, rows.parameters
    FROM read_parquet(?, filename = true, file_row_number = true) rows
    JOIN documented ON documented.filename = rows.filename AND documented.position = rows.file_row_number
    WHERE likeness IN (SELECT likeness FROM documented GROUP BY likeness HAVING count(*) > 1)
)
"""

_EDGES = """
WITH heads AS (SELECT wording, min(number) AS head FROM documented GROUP BY wording)
SELECT list_sort(list(DISTINCT head)) AS connected
FROM shapes JOIN documented USING (number) JOIN heads USING (wording)
GROUP BY shape HAVING count(DISTINCT head) > 1 ORDER BY connected
"""

_VERDICTS = """
CREATE TEMP TABLE verdicts AS
WITH heads AS (SELECT wording, min(number) AS head FROM documented GROUP BY wording),
placed AS (
    SELECT filename, position, coalesce(joined.root, head) AS root
    FROM documented JOIN heads USING (wording) LEFT JOIN joined USING (head)
)
SELECT judged.*, documented.id AS cluster
FROM judged LEFT JOIN placed USING (filename, position) LEFT JOIN documented ON documented.number = placed.root
"""

_NEAR = f"""
CREATE TEMP TABLE near AS
SELECT 'structure' AS rule, count(*) AS apis, count(DISTINCT provider) AS providers, min(number) AS number
FROM shapes JOIN documented USING (number) GROUP BY shape HAVING count(*) > 1
UNION ALL
SELECT 'wording', count(*), 1, min(number) FROM documented GROUP BY wording HAVING count(*) > 1;
INSERT INTO near_duplicates
    SELECT rule, row_number() OVER (PARTITION BY rule ORDER BY apis DESC, number) AS rank, apis, providers,
        provider, name, id, words
    FROM near JOIN documented USING (number)
    QUALIFY rank <= {LARGEST} ORDER BY rule, rank;
INSERT INTO near_counts SELECT 'near', rule, sum(apis - 1) FROM near GROUP BY rule;
INSERT INTO near_counts SELECT 'total', 'strict', count(DISTINCT cluster) FROM verdicts;
DROP TABLE near;
DROP TABLE shapes;
DROP TABLE documented;
"""

_KEEP = """
INSERT INTO counts
    SELECT facet, label, coalesce(sum(apis), 0)
    FROM (VALUES ('near', 'structure'), ('near', 'wording'), ('total', 'strict')) wanted (facet, label)
    LEFT JOIN near_counts USING (facet, label) GROUP BY ALL
"""


def begin(connection: "DuckDBPyConnection") -> None:
    """Make room for the counts, which a load of nothing has too."""
    connection.execute("CREATE TEMP TABLE near_counts (facet VARCHAR, label VARCHAR, apis BIGINT)")


def find_clusters(connection: "DuckDBPyConnection", tables: Sequence[str]) -> None:
    """Make the temporary table ``verdicts``: ``judged`` with the cluster of each documented row.

    Keeps the largest groups, and for `keep_counts` the strict count and how many APIs fall to either rule alone.
    """
    import pyarrow as pa

    connection.execute(_DOCUMENTED)
    connection.execute(_SHAPES, [list(tables)])
    roots = components(connected for (connected,) in connection.execute(_EDGES).fetchall())
    columns = {"head": pa.array(roots.keys(), pa.int64()), "root": pa.array(roots.values(), pa.int64())}
    connection.register("joined", pa.table(columns))
    connection.execute(_VERDICTS)
    connection.unregister("joined")
    connection.execute(_NEAR)


def keep_counts(connection: "DuckDBPyConnection") -> None:
    """Add the counts to those of the catalogue."""
    connection.execute(_KEEP)


def components(groups: Iterable[Sequence[int]]) -> dict[int, int]:
    """The smallest member of each member's connected component, where the members of a group are connected."""
    parent: dict[int, int] = {}

    def root(member: int) -> int:
        while (above := parent.setdefault(member, member)) != member:
            parent[member] = parent[above]
            member = parent[member]
        return member

    for group in groups:
        roots = [root(member) for member in group]
        first = min(roots)
        for other in roots:
            parent[other] = first
    return {member: root(member) for member in sorted(parent)}
