"""The cache of answers on disk (hishel, RFC 9111), under keys that hold no secret.

An answer that was got with a secret is stored under a key made of the true address, the secret headers and a salt by
keyed BLAKE2b: another secret finds another answer, and nobody gets from the key to the secret. The salt is random, is
made with the first such request, and lies beside the cache. Imports hishel and httpx, some 60 ms.
"""

import contextlib
import hashlib
import logging
import os
import secrets
import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from hishel import CacheOptions, SqliteStorage
from hishel.httpx import CacheTransport

from forge.clients.bodies import ASKED_FOR
from forge.clients.hops import Hop
from forge.clients.wire import HOP, RAW, Wire
from forge.files import write_bytes

_SALT_BYTES = 32


@dataclass(slots=True)
class Store:
    """The open cache above a `Wire`."""

    folder: Path
    wire: Wire
    limit: int
    agent: str
    cached: CacheTransport | None = None
    making: threading.Lock = field(default_factory=threading.Lock)

    def send(self, hop: Hop) -> httpx.Response:
        """The answer, from the cache where it may; its body is not read yet. Raises `Again` or `Final`."""
        headers = self.headers(hop)
        if hop.refresh:
            headers["cache-control"] = "no-cache"
        if hop.method != "GET" or "range" in headers:
            return self.plain(hop, headers)
        key, cached = self._key(hop), self._transport()
        older = cached.config["storage"].get_entries(key) if hop.refresh else []
        extensions = {HOP: hop, "caching": {"key": key}}
        answer: httpx.Response = cached.handle_request(
            httpx.Request("GET", hop.shown, headers=headers, extensions=extensions)
        )
        if answer.extensions["caching"]["stored"]:  # hishel keeps an older answer where the server names no date
            for entry in older:
                cached.config["storage"].remove_entry(entry.id)
        return answer

    def headers(self, hop: Hop) -> dict[str, str]:
        """The request's headers without secrets."""
        own = {"accept": "*/*", "accept-encoding": ASKED_FOR, "user-agent": self.agent}
        return own | {name.lower(): value for name, value in hop.headers.items()}

    def plain(self, hop: Hop, headers: dict[str, str], *, raw: bool = False) -> httpx.Response:
        """The answer past the cache; ``raw`` leaves its body as it is."""
        extensions = {HOP: hop, RAW: True} if raw else {HOP: hop}
        request = httpx.Request(hop.method, hop.shown, headers=headers, content=hop.body, extensions=extensions)
        return self.wire.handle_request(request)

    def close(self) -> None:
        """Close the cache and all connections."""
        if self.cached is not None:
            self.cached.close()
        self.wire.close()

    def _transport(self) -> CacheTransport:
        with self.making:
            if self.cached is None:
                place = self.folder / "responses.sqlite"
                _drop_damaged(place)
                storage = SqliteStorage(database_path=place, max_stream_size=self.limit)
                self.cached = CacheTransport(self.wire, storage=storage, rfc=CacheOptions(shared=False))
            return self.cached

    def _key(self, hop: Hop) -> str:
        if not hop.secret and hop.shown == hop.url:
            return hashlib.sha256(f"RFC {hop.url}".encode()).hexdigest()
        digest = hashlib.blake2b(key=self._salt(), digest_size=32)
        for part in (hop.url, *(f"{name}: {value}" for name, value in sorted(hop.secret.items()))):
            digest.update(len(part).to_bytes(8) + part.encode())
        return digest.hexdigest()

    def _salt(self) -> bytes:
        from filelock import FileLock

        path = self.folder / "responses.salt"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / "responses.lock"):
                if not path.is_file():
                    write_bytes(path, secrets.token_bytes(_SALT_BYTES))
                    os.chmod(path, 0o600)  # noqa: PTH101
        return path.read_bytes()


def _drop_damaged(place: Path) -> None:
    """Make room for a new cache where a file is none: what it held is fetched again.

    hishel would go on without a cache and print a traceback a request; so it does on a full disk, which is silenced.
    """
    if not logging.getLogger("hishel").handlers:
        logging.getLogger("hishel").addHandler(logging.NullHandler())
    if not place.is_file():
        return
    try:
        with contextlib.closing(sqlite3.connect(place)) as base:
            base.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:  # locked by another process, which may well be using it
        return
    except sqlite3.DatabaseError:
        place.unlink(missing_ok=True)
