"""One file of the hub in the cache, whole and checked.

Cost: the download, and one reading of the file for its sha256, some 500 MB a second.
"""

from pathlib import Path

from forge.errors import StepError
from forge.files import sha256 as digest_of
from forge_sources.hub.client import Hub

UNSTATED = 0


def download(hub: Hub, url: str, place: Path, *, sha256: str, size: int) -> None:
    """Put the file at ``url`` into ``place``, unless it is there already.

    Args:
        sha256: of its bytes, empty if the hub states none. size: in bytes, 0 if unknown; a longer body is refused.

    Raises:
        FetchError: the hub refuses it, or it cannot be had whole.
        StepError: its bytes are not what the hub states; what was fetched is deleted.
    """
    if place.is_file() and (size == UNSTATED or place.stat().st_size == size):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    hub.context.http.download(hub.request(url, limit=size or None), place)
    found = place.stat().st_size
    wrong = f"expected {size:,} bytes, found {found:,}" if size not in (UNSTATED, found) else ""
    if not wrong and sha256 and (is_now := digest_of(place)) != sha256:
        wrong = f"expected sha256 {sha256}, found {is_now}"
    if wrong:
        place.unlink()
        raise StepError(f"{url}: {wrong}; run the same command again", plugin=hub.plugin, step="collect")
