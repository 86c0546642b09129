"""A small catalogue to make trajectories from, and an endpoint's script that knows what its blueprints would say."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import combinations
from typing import Any

import pytest

from forge.llm import Answer
from forge.records import ApiRecord
from forge.testing import MemoryCatalog
from forge.testing.llm import Misbehave, refusal
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.synthesis.author import compose
from forge_trajectories.synthesis.prompts import Asking, PartCall
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.store import build_store

_SERVICES = (
    ("tracker.example.com", "issues", "Apache-2.0", ("project", "issue", "comment")),
    ("shop.example.com", "orders", "MIT", ("customer", "order", "refund")),
    ("calendar.example.org", "events", "MIT", ("calendar", "event")),
    ("files.example.net", "storage", "Apache-2.0", ("folder", "file", "share")),
    ("travel.example.com", "booking", "MIT", ("hotel", "reservation")),
    ("mail.example.org", "messages", "MIT", ("mailbox", "message", "label")),
    ("cloud.example.net", "compute", "Apache-2.0", ("instance", "volume", "snapshot")),
    ("music.example.com", "library", "MIT", ("artist", "album", "playlist")),
)
_FIELDS: dict[str, dict[str, Any]] = {
    "name": {"type": "string", "description": "What it is called."},
    "status": {"type": "string", "enum": ["open", "active", "closed"], "description": "How it stands."},
    "priority": {"type": "integer", "minimum": 1, "maximum": 5, "description": "From 1, the lowest, to 5."},
    "email": {"type": "string", "format": "email", "description": "Whom to write to."},
    "due_date": {"type": "string", "format": "date", "description": "The day until which it is valid."},
    "city": {"type": "string", "description": "The city it is in."},
}


def _fields(resource: str) -> dict[str, Any]:
    names = list(_FIELDS)
    start = sum(map(ord, resource)) % len(names)
    chosen = ["name", *[name for name in names[start:] + names[:start] if name != "name"][:3]]
    return {name: _FIELDS[name] for name in chosen}


def _records() -> Iterator[ApiRecord]:
    for provider, service, license_, resources in _SERVICES:
        above: str | None = None
        for resource in resources:
            yield from _operations(provider, service, resource, above, license_)
            above = resource


def _operations(provider: str, service: str, resource: str, above: str | None, license_: str) -> Iterator[ApiRecord]:
    fields, what = _fields(resource), {"list": f"all the {resource}s"}
    key = {f"{resource}_id": {"type": "string", "description": f"The id of the {resource}.", "x-in": "path"}}
    parent = (
        {f"{above}_id": {"type": "string", "description": f"The id of the {above}.", "x-in": "body"}} if above else {}
    )
    whole = {"type": "object", "properties": {"id": {"type": "string"}, **fields, **parent}, "required": ["id", "name"]}
    many = {"type": "array", "items": whole}
    path, one = f"/{resource}s", f"/{resource}s/{{{resource}_id}}"
    body = {name: {**schema, "x-in": "body"} for name, schema in fields.items()} | parent
    status = {
        "status": {**_FIELDS["status"], "x-in": "query"},
        "limit": {"type": "integer", "default": 10, "x-in": "query"},
    }
    rows: list[tuple[str, str, str, dict[str, Any], list[str], dict[str, Any] | None]] = [
        ("list", "GET", path, status, [], many),
        ("get", "GET", one, key, list(key), whole),
        ("create", "POST", path, body, ["name", *parent], whole),
        ("update", "PATCH", one, key | body, [*key, "name"], whole),
        ("delete", "DELETE", one, key, list(key), None),
    ]
    for verb, method, where, properties, required, returns in rows:
        yield ApiRecord(
            provider=provider,
            service=service,
            name=f"{verb}_{resource}{'s' if verb == 'list' else ''}",
            kind="rest",
            method=method,
            path=where,
            description=f"{verb.capitalize()} {what.get(verb, f'the {resource}')} of {service}.",
            parameters={"type": "object", "properties": properties, "required": required},
            returns=returns,
            errors=[{"code": "404", "description": f"There is no such {resource}."}],
            license=license_,
            category=resource,
            source="tests",
        )


@pytest.fixture(scope="session")
def shop_records() -> list[ApiRecord]:
    """110 operations of eight services."""
    return list(_records())


@pytest.fixture(scope="session")
def shop_graph(shop_records: list[ApiRecord], tmp_path_factory: pytest.TempPathFactory) -> ToolGraph:
    """The tool graph of those operations."""
    return ToolGraph(build_store(MemoryCatalog(shop_records), tmp_path_factory.mktemp("tools")))


class Oracle:
    """A script for `ScriptedLlm` that answers as the blueprints would, whichever parts the model writes.

    Args:
        blueprints: all that may be asked about. writes: parts that the model may write.
        mended: every so many-eth question gets a wrong answer at first. wrong: gets nothing else; 0 for none.
        asking: how the model is asked.
    """

    def __init__(
        self,
        blueprints: Iterable[Blueprint],
        writes: Iterable[str],
        *,
        mended: int = 0,
        wrong: int = 0,
        asking: Asking | None = None,
    ) -> None:
        self._mended, self._wrong, self._asking = mended, wrong, asking
        self._drafts: dict[str, Any] = {}
        parts = sorted(writes)
        subsets = [frozenset(some) for count in range(len(parts) + 1) for some in combinations(parts, count)]
        for blueprint in blueprints:
            for some in subsets:
                self._learn(blueprint, some)

    def __call__(self, request: Mapping[str, Any]) -> Mapping[str, Any] | Misbehave:
        """The answer to a request."""
        key = json.dumps(request["messages"][:2], sort_keys=True)
        if key not in self._drafts:
            return refusal(400, "nobody has taught this")
        number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
        is_first = len(request["messages"]) == 2
        always = self._wrong and number % self._wrong == 0
        if always or (is_first and self._mended and number % self._mended == 0):
            return _nonsense(self._drafts[key])
        answer: Mapping[str, Any] = self._drafts[key]
        return answer

    def _learn(self, blueprint: Blueprint, writes: frozenset[str]) -> None:
        road = compose(blueprint, writes=writes, asking=self._asking)
        try:
            call = next(road)
            while True:
                assert isinstance(call, PartCall)
                self._drafts[json.dumps(list(call.messages), sort_keys=True)] = call.draft
                call = road.send(Answer(text=json.dumps(call.draft), value=call.draft))
        except StopIteration:
            return


def _nonsense(draft: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer that fits the schema and no check."""
    if "action" in draft:
        return {"action": {"ask": "What is the weather like?"}}
    return dict.fromkeys(draft, "The total of 918273645 is due.")


@pytest.fixture(scope="session")
def oracle() -> Callable[..., Oracle]:
    """Makes an `Oracle`."""
    return Oracle
