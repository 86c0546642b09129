"""The live APIs.guru API: its list of documents, kept in the cache, and the documents one by one.

Source: the ``list.json`` of APIs.guru's API v2: by API, the preferred version and, by version, the address of the
document (``swaggerUrl``) and when it last changed (``updated``).
"""

import datetime
import re
from collections.abc import Callable
from pathlib import Path

import orjson

from forge.errors import StepError
from forge.files import write_bytes
from forge.records import stable_id
from forge.steps import Context, HttpClient
from forge_sources.spec_files import UnreadableSpec

# What the HTTP client says of a document itself: it is not there, or is too large. All else that it raises (no
# connection, no access, a server in trouble) may be otherwise tomorrow.
_SAYS_OF_THE_DOCUMENT = re.compile(r"the server answered (404|410)\b|: larger than \S+ MB$")


def live_entries(url: str, *, context: Context, plugin: str) -> list[tuple[str, str, int]]:
    """``(address, fingerprint, 0)`` of each API's preferred document, sorted by address.

    The list is fetched when the cache has none or the context asks for a refresh.

    Raises:
        StepError: the list cannot be fetched, or is none.
        WorkspaceError: the disk is full.
    """
    place = _place(url, context.cache)
    if context.refresh or not place.is_file():
        _keep(place, context.http.get(url), plugin=plugin, url=url)
    listed = orjson.loads(place.read_bytes())["apis"]
    entries = []
    for api in listed.values():
        versions = api.get("versions") if isinstance(api, dict) else None
        chosen = versions.get(api.get("preferred")) if isinstance(versions, dict) else None
        address = chosen.get("swaggerUrl") if isinstance(chosen, dict) else None
        if isinstance(chosen, dict) and isinstance(address, str):
            entries.append((address, str(chosen.get("updated", "")), 0))
    return sorted(entries)


def fetched_on(url: str, *, cache: Path) -> str | None:
    """ISO 8601 date on which the list was fetched."""
    place = _place(url, cache)
    return orjson.loads(place.read_bytes())["retrieved_at"] if place.is_file() else None


def live_reader(http: HttpClient, *, limit: int) -> Callable[[str], bytes]:
    """A function that fetches a document.

    It raises `UnreadableSpec` where the server has no such document or it is too large, since asking again brings
    nothing, and `StepError` where it cannot be reached: a reject would stand until the list says that the document has
    changed.
    """

    def read(address: str) -> bytes:
        if not address.startswith(("https://", "http://")):
            raise UnreadableSpec("the list gives no http(s) address for it")
        try:
            data = http.get(address)
        except StepError as error:
            if _SAYS_OF_THE_DOCUMENT.search(error.message):
                raise UnreadableSpec(error.message) from error
            raise
        if len(data) > limit:
            raise UnreadableSpec(f"larger than {limit / 1e6:g} MB")
        return data

    return read


def _place(url: str, cache: Path) -> Path:
    return cache / "apis-guru" / f"list-{stable_id(url)}.json"


def _keep(place: Path, body: bytes, *, plugin: str, url: str) -> None:
    try:
        apis = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise StepError(f"{url} is not JSON: {error}", plugin=plugin, step="collect") from error
    if not isinstance(apis, dict):
        raise StepError(f"{url} is not a list of APIs", plugin=plugin, step="collect")
    kept = {"retrieved_at": datetime.datetime.now(datetime.UTC).date().isoformat(), "apis": apis}
    write_bytes(place, orjson.dumps(kept))
