"""Which rows of different sources are one operation: the same API, with several provenances.

Sources agree on an operation's id only where they agree on how provider, service and path are spelt. They often do not:
one says provider ``github.com`` and service ``api.github.com``, another provider ``api.github.com``; one puts the base
path before the path, another leaves it out; one writes ``{+name}``, another ``{name}``. Rows are therefore compared by
what is left when the spelling is taken away, in five passes from the strictest evidence to the loosest. A pass joins
groups only if no source is in two of them: two operations of one source never become one, and what could be meant by
two is left apart. The result depends on the rows alone, not on their order.

Only operations called over HTTP at a host with a dot in its name are compared beyond the id. Cost: 0.6 CPU seconds for
175,000 rows; nothing with a single source.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Domains under which strangers live side by side: what is registered there is one label longer.
_SHARED = frozenset(
    (
        *("appspot.com", "azure-api.net", "azurewebsites.net", "cloudapp.net", "cloudfunctions.net", "firebaseapp.com"),
        *("fly.dev", "gitbook.io", "github.io", "gitlab.io", "herokuapp.com", "hf.space", "netlify.app", "ngrok.io"),
        *("onrender.com", "pages.dev", "rapidapi.com", "readthedocs.io", "run.app", "vercel.app", "web.app"),
        "workers.dev",
    )
)
_SECOND_LEVEL = frozenset(("ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "ne", "net", "nom", "or", "org"))

# Hosts that name no product: ``api.github.com`` is GitHub itself.
_NO_PRODUCT = frozenset(("api", "www"))

_VERSION = r"v\d+(?:[._]\d+)*(?:(?:alpha|beta|p\d)\w*)?|\d{4}-\d\d-\d\d"

# An id's row is the first by source, then by content. Ids are numbered in their own order, so that the smallest number
# of a group is its smallest id. A key is NULL where the evidence would be weak.
_OPERATIONS = rf"""
CREATE TEMP TABLE operations AS
WITH shared AS (
    SELECT site FROM staged JOIN places USING (provider, service) GROUP BY site HAVING min(source) <> max(source)
),
firsts AS (
    SELECT id, site, product, lower(name) AS name, method,
        coalesce(nullif(regexp_extract(path, '(?:^|/)({_VERSION})(?:[/:]|$)', 1), ''),
            nullif(regexp_extract(version, '^({_VERSION})$', 1), ''), '') AS api_version,
        rtrim(regexp_replace(
            regexp_replace(path, '^https?://[^/]+', ''), '\{{[^}}]*\}}|<[^>]*>', '{{}}', 'g'), '/') AS path,
        CASE WHEN length(description) >= 20 THEN hash(description) END AS wording
    FROM staged JOIN places USING (provider, service) JOIN shared USING (site)
    WHERE kind = 'rest'
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY source, content_hash, version, description) = 1
), segmented AS (
    SELECT *, list_filter(
        string_split(string_split(path, '#')[1], '/'), lambda part: part <> '' AND part[1] <> '{{') AS words
    FROM firsts
)
SELECT id, product, row_number() OVER (ORDER BY id) AS number, number AS operation,
    {{keys}}
FROM segmented
"""

_SAME = "site, method, api_version"
_PASSES = (
    (f"{_SAME}, product, path, name", "true"),
    (f"{_SAME}, product, name, words[-1]", "product <> ''"),
    (f"{_SAME}, product, path", "len(words) >= 2"),
    (f"{_SAME}, path, name", "len(words) >= 1"),
    (f"{_SAME}, path, name, wording", "wording IS NOT NULL AND (len(words) >= 2 OR contains(path, '#'))"),
)
"""What must agree, and what must hold besides. ``words[-1]`` is the last part of the path that is no parameter."""

_ONE_PRODUCT = "AND count(DISTINCT nullif(operations.product, '')) <= 1"
_PASS_WITHOUT_PRODUCT = 3
"""Products need not agree in this pass if one side names none."""

_MEMBERS = """
CREATE TEMP TABLE members AS
SELECT DISTINCT number, source FROM staged JOIN operations USING (id)
"""

_JOIN = """
UPDATE operations SET operation = joined.target FROM (
    WITH leaders AS (
        SELECT number, product, key{place} AS key FROM operations WHERE number = operation AND key IS NOT NULL
    ),
    agreed AS (
        SELECT key, min(leaders.number) AS target
        FROM leaders JOIN operations ON operations.operation = leaders.number
            JOIN members ON members.number = operations.number
        GROUP BY key
        HAVING min(leaders.number) < max(leaders.number)
            AND count(DISTINCT (leaders.number, source)) = count(DISTINCT source) {also}
    )
    SELECT leaders.number, agreed.target FROM leaders JOIN agreed USING (key)
) joined WHERE operations.operation = joined.number
"""


def site_of(provider: str) -> str:
    """The domain that somebody registered: ``github.com`` for ``api.github.com``; empty without a dot."""
    labels = provider.lower().strip(".").split(".")
    if len(labels) < 2 or not all(labels) or not re.fullmatch(r"[a-z][a-z0-9-]+", labels[-1]):
        return ""
    two = ".".join(labels[-2:])
    longer = two in _SHARED or (len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL)
    return ".".join(labels[-3:]) if longer else two


def product_of(provider: str, service: str) -> str:
    """The product within the site, however it is spelt: ``drive`` for (``google.com``, ``drive.google.com``).

    Empty where it is the site itself: for ``github.com`` and for ``api.github.com``.
    """
    site = site_of(provider)
    service = service.lower()
    host = service if service == site or service.endswith(f".{site}") else provider.lower()
    label = host[: -len(site)].strip(".")
    product = label if host == service else service or label
    return "" if product in _NO_PRODUCT else product


def find_operations(connection: "DuckDBPyConnection") -> None:
    """Make the temporary table ``operations`` (id, operation, ...) of the temporary table ``staged``.

    An id that is not in it is an operation of its own.
    """
    import pyarrow as pa

    pairs = connection.execute("SELECT DISTINCT provider, service FROM staged ORDER BY ALL").fetchall()
    found = [(provider, service, site_of(provider), product_of(provider, service)) for provider, service in pairs]
    found = [row for row in found if row[2]]
    columns = [pa.array([row[column] for row in found], pa.string()) for column in range(4)]
    connection.register("places", pa.table(columns, names=["provider", "service", "site", "product"]))
    keys = ", ".join(
        f"CASE WHEN {condition} THEN hash({columns}) END AS key{place}"
        for place, (columns, condition) in enumerate(_PASSES)
    )
    connection.execute(_OPERATIONS.replace("{keys}", keys))
    connection.unregister("places")
    connection.execute(_MEMBERS)
    for place in range(len(_PASSES)):
        also = _ONE_PRODUCT if place == _PASS_WITHOUT_PRODUCT else ""
        connection.execute(_JOIN.format(place=place, also=also))
