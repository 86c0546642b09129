"""Downloads straight to a file, taken up where a killed run or a broken connection left them.

The bytes lie in ``.NAME.part`` beside the file, and what identifies them (``ETag`` or ``Last-Modified``, and a hash of
the address) in ``.NAME.part.json``. The next attempt asks for the rest with ``Range`` and ``If-Range`` (RFC 9110, 14.2
and 13.1.5), so that a file that has changed meanwhile is sent whole. One process a file; memory: one chunk. The bytes
are the server's, unsearched: a key that it writes into the file itself stays there.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from filelock import FileLock

from forge.clients.bodies import capped, check_length
from forge.clients.failures import Again, Final
from forge.clients.hops import Hop
from forge.clients.opened import Answer, Opened
from forge.errors import NO_ROOM, WorkspaceError, no_room
from forge.files import flush


@dataclass(frozen=True, slots=True)
class _Part:
    """What has arrived of a file."""

    path: Path
    facts: Path

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def validator(self, address: str) -> str:
        """What ``If-Range`` says: a strong ``ETag`` or a date; empty if the rest cannot be asked for.

        Storage behind a redirect signs each address anew. A strong ``ETag`` tells its content whatever the signature,
        a date only at the very same address.
        """
        if not self.size or not self.facts.is_file():
            return ""
        try:
            facts = json.loads(self.facts.read_bytes())
        except json.JSONDecodeError:
            return ""
        found = str(facts.get("validator", ""))
        same_place = facts.get("place") == _hash(_place(address)) and found.startswith('"')
        return found if same_place or facts.get("address") == _hash(address) else ""

    def begin(self, response: httpx.Response, address: str) -> None:
        """Forget what there is, and note what the new bytes are of."""
        self.path.unlink(missing_ok=True)
        tag = response.headers.get("etag", "")
        validator = tag if tag and not tag.startswith("W/") else response.headers.get("last-modified", "")
        facts = {"address": _hash(address), "place": _hash(_place(address)), "validator": validator}
        self.facts.write_text(json.dumps(facts), encoding="utf-8")

    def finish(self, path: Path) -> None:
        """Put the whole file in its place."""
        flush(self.path)
        self.path.replace(path)
        flush(path.parent)
        self.facts.unlink(missing_ok=True)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _place(address: str) -> str:
    """An address without its query."""
    return address.partition("?")[0]


def download(hop: Hop, path: Path, *, opened: Opened) -> Answer:
    """One attempt to get a file, or its rest; an answer without a file (a redirect, a refusal) leaves all as it is.

    Raises:
        Again: it broke off; what has arrived is kept. Final: it is too large. WorkspaceError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.part.json"))
    locks = opened.client.folder / "downloads"
    locks.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:24]
    try:
        with FileLock(locks / f"{name}.lock"):
            return _take(hop, path, part=part, opened=opened)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise WorkspaceError(no_room(path, error)) from error
        raise


def _take(hop: Hop, path: Path, *, part: _Part, opened: Opened) -> Answer:
    validator = part.validator(hop.shown)
    headers = opened.store.headers(hop) | {"accept-encoding": "identity"}
    if validator:
        headers |= {"range": f"bytes={part.size}-", "if-range": validator}
    with opened.answered(hop, partial(opened.store.plain, headers=headers, raw=True)) as response:
        answer = opened.answer(hop, response)
        if response.status_code == 416 and validator:
            part.path.unlink()
            raise Again("the rest of a download that was cut short is not to be had")
        if response.status_code not in (200, 206):
            return answer
        total = _total(response, begun=part.size)
        check_length(str(total), hop.limit)
        if response.status_code == 200:
            part.begin(response, hop.shown)
        _append(response, part, limit=hop.limit)
    if total is not None and part.size != total:
        raise Again(f"the body ends after {part.size:,} of {total:,} bytes")
    part.finish(path)
    return answer


def _total(response: httpx.Response, *, begun: int) -> int | None:
    """Length of the whole file, if the server says."""
    if response.status_code == 200:
        length = response.headers.get("content-length", "")
        return int(length) if length.isdecimal() else None
    unit, _, rest = response.headers.get("content-range", "").partition(" ")
    span, _, total = rest.partition("/")
    if unit != "bytes" or span.partition("-")[0] != str(begun):
        raise Final(f"the server sends another part of the file than asked for ({unit} {rest!r})")
    return int(total) if total.isdecimal() else None


def _append(response: httpx.Response, part: _Part, *, limit: int) -> None:
    with part.path.open("ab") as stream:
        for chunk in capped(response.iter_raw(), limit=limit - stream.tell()):
            stream.write(chunk)
