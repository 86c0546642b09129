"""The services of a catalogue, and the records of one: each distinct operation once, documented or not.

Listing scans three short columns: some 10 milliseconds over 175,000 rows. Reading a service costs about 0.1
milliseconds an operation.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from forge.records import ApiRecord, from_row
from forge_registry.schema import API_COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AT_ONCE = 500
"""Rows that are read together: the largest services have ten thousands, with schemas of some kilobytes each."""


def services(
    connection: "DuckDBPyConnection", *, provider: str | None = None, service: str | None = None
) -> dict[tuple[str, str], int]:
    """How many distinct operations each service has, in order of provider and service.

    Args:
        connection: an open catalogue.
        provider: only those of the provider of that name; if there is none, of those with a label of that name:
            ``twilio`` for ``twilio.com``. Capitals do not matter.
        service: only those of that name, in whatever capitals; empty for the service of a provider that has only one.

    Returns:
        Counts by (provider, service); empty if nothing is named so.
    """
    rows = connection.execute(
        "SELECT provider, coalesce(service, ''), count(*) FROM distinct_apis GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    chosen = {row[0] for row in rows} if provider is None else _named({row[0] for row in rows}, provider)
    return {
        (owner, name): count
        for owner, name, count in rows
        if owner in chosen and (service is None or name.lower() == service.lower())
    }


def records_of(connection: "DuckDBPyConnection", provider: str, service: str) -> Iterator[ApiRecord]:
    """The distinct operations of a service, ordered by id; read while the connection is open."""
    found = connection.execute(
        f"SELECT {', '.join(API_COLUMNS)} FROM distinct_apis "
        "WHERE provider = ? AND coalesce(service, '') = ? ORDER BY id",
        [provider, service],
    )
    while rows := found.fetchmany(AT_ONCE):
        for row in rows:
            yield from_row(ApiRecord, dict(zip(API_COLUMNS, row, strict=True)))


def _named(known: set[str], name: str) -> Sequence[str]:
    wanted = name.lower().strip()
    exact = [provider for provider in known if provider.lower() == wanted]
    return exact or [provider for provider in known if wanted in provider.lower().split(".")]
