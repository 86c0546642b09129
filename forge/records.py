"""The records that flow through the forge, and their Arrow schemas.

Three kinds: an `ApiRecord` says how one operation is called, a `Trajectory` is a dialogue in which tools are called, a
`Document` is text that a model will be trained on. All are frozen; a step makes new ones. Nested values (JSON Schema,
examples, messages) travel through Arrow as JSON text: their shape varies from record to record, and no step filters on
their insides.

Building one `ApiRecord` costs about 15 microseconds, most of it the two hashes.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    import pyarrow as pa

JsonObject = Mapping[str, Any]
Domain = Literal["agent", "code", "text"]
ApiKind = Literal["rest", "python", "cli", "mcp", "model", "graphql", "sql"]
Origin = Literal["real", "replay", "mock", "llm"]

DOMAINS: tuple[Domain, ...] = ("agent", "code", "text")
UNKNOWN_LICENSE = "unknown"


def stable_id(*parts: str) -> str:
    """Blake2b-128 of the parts as 32 hex digits; the same on every machine and in every run.

    Parts are length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return digest.hexdigest()


def to_json(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces; equal values give equal text."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=_plain).decode()


def _plain(value: object) -> object:
    """Read-only mappings and sequences, which orjson does not know, as dict and list."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRecord:
    """One operation that a program can call.

    Attributes:
        provider: who runs it, as a host name where there is one: ``amazonaws.com``.
        service: the product within the provider: ``s3``; empty where the provider has one.
        name: the operation's own name: ``PutObject``.
        kind: how it is called.
        method: HTTP verb in capitals; empty where there is none.
        path: URL path template or dotted Python path.
        description: plain text, no markup.
        parameters: JSON Schema of type object, one property a parameter. ``x-in`` on a property says where it travels
            (path, query, header, cookie, body).
        returns: JSON Schema of what a successful call answers, if documented.
        examples: documented calls, each ``{"arguments": {...}, "result": ...}``, either key optional.
        errors: documented failures, each ``{"code": "404", "description": "..."}``.
        auth: names of the accepted authentication schemes: ``oauth2``, ``apiKey``, ``http:bearer``.
        license: SPDX expression, or ``unknown``.
        license_evidence: where the licence is stated, and in which words: ``info.license: Apache 2.0``; empty if it is
            not.
        terms_url: address of the terms of service, if stated.
        category: the provider's or marketplace's own category or first tag; empty if there is none.
        deprecated: whether the documentation says so.
        meta: what else is known, JSON: ``popularity``, ``pricing``, ``tags``.
        source: the source plugin that collected it.
        url: where a person reads about it, or the specification's address.
        version: the provider's own version of the API.
        retrieved_at: ISO 8601 date on which the material was fetched.
        id: blake2b-128 of (provider, service, name, method, path); filled in.
        content_hash: blake2b-128 of what is documented, without provenance; filled in.
    """

    provider: str
    service: str
    name: str
    kind: ApiKind
    method: str = ""
    path: str = ""
    description: str = ""
    parameters: JsonObject = field(default_factory=dict)
    returns: JsonObject | None = None
    examples: Sequence[JsonObject] = ()
    errors: Sequence[JsonObject] = ()
    auth: Sequence[str] = ()
    license: str = UNKNOWN_LICENSE
    license_evidence: str = ""
    terms_url: str | None = None
    category: str = ""
    deprecated: bool = False
    meta: JsonObject = field(default_factory=dict)
    source: str
    url: str | None = None
    version: str | None = None
    retrieved_at: str | None = None
    id: str = ""
    content_hash: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            identity = stable_id(self.provider, self.service, self.name, self.method, self.path)
            object.__setattr__(self, "id", identity)
        if not self.content_hash:
            content = (
                self.kind,
                self.description,
                self.parameters,
                self.returns,
                self.examples,
                self.errors,
                self.auth,
                self.deprecated,
            )
            object.__setattr__(self, "content_hash", stable_id(self.id, to_json(content)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text that a model may be trained on, with where it came from.

    Attributes:
        id: stable and unique in a corpus; make it with `stable_id`.
        domain: which share of the mix it counts towards.
        kind: what it is: ``api_doc``, ``dialogue``, ``trajectory``, ``code``, ``prose``, ``web``.
        text: the text itself.
        source: label of the source or renderer that made it.
        url: where the original is, if anywhere: an address, or a locator such as ``pip:django==5.2:docs/intro.txt``.
        license: SPDX expression, or ``unknown``.
        meta: anything else, JSON. ``loss_spans``: list of ``[start, end)`` character offsets on which the loss is
            taken; absent means everywhere. ``provider``: who runs what the text is about, for the caps of an export.
    """

    id: str
    domain: Domain
    kind: str
    text: str
    source: str
    url: str | None = None
    license: str = UNKNOWN_LICENSE
    meta: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn.

    Attributes:
        tool_calls: each ``{"id", "name", "arguments"}``; arguments are an object, or the text as it was written where
            that is no JSON object.
        tool_call_id: of a tool's answer, the call that it answers.
        origin: of a tool's answer, whether it is real, replayed, mocked, or written by a model.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: Sequence[JsonObject] = ()
    tool_call_id: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """A dialogue in which tools are called, with the verdict of every check made on it.

    Attributes:
        tools: the tools offered, each ``{"name", "description", "parameters"}`` as function-calling models take them.
        checks: each ``{"check", "passed", "evidence"}``.
        usage: tokens in and out, summed over calls to the model. cost: US dollars.
    """

    id: str
    tools: Sequence[JsonObject]
    messages: Sequence[Message]
    checks: Sequence[JsonObject] = ()
    blueprint: JsonObject | None = None
    model: str | None = None
    usage: JsonObject = field(default_factory=dict)
    cost: float = 0.0
    source: str = ""
    license: str = UNKNOWN_LICENSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A record that a source could not read. It is kept as a row, never dropped in silence.

    Attributes:
        locator: which record: file and position within it.
        reason: why, in one line.
    """

    locator: str
    reason: str


Record = ApiRecord | Document | Trajectory

# Fields that Arrow holds as JSON text, by record type.
JSON_FIELDS: Mapping[type, frozenset[str]] = {
    ApiRecord: frozenset({"parameters", "returns", "examples", "errors", "auth", "meta"}),
    Document: frozenset({"meta"}),
    Trajectory: frozenset({"tools", "messages", "checks", "blueprint", "usage"}),
    Reject: frozenset(),
}


def to_row(record: Record | Reject) -> dict[str, object]:
    """The record as one row of its `arrow_schema`."""
    json_fields = JSON_FIELDS[type(record)]
    row: dict[str, object] = {}
    for spec in dataclasses.fields(record):
        value = getattr(record, spec.name)
        row[spec.name] = to_json(value) if spec.name in json_fields and value is not None else value
    return row


def from_row(kind: type, row: Mapping[str, object]) -> Any:
    """The record of type ``kind`` that `to_row` made ``row`` from. Unknown columns are ignored."""
    json_fields = JSON_FIELDS[kind]
    values: dict[str, Any] = {}
    for spec in dataclasses.fields(kind):
        value = row.get(spec.name)
        if spec.name in json_fields and isinstance(value, str):
            value = orjson.loads(value)
        values[spec.name] = value
    if kind is Trajectory:
        values["messages"] = [Message(**message) for message in values["messages"]]
    return kind(**values)


@cache
def arrow_schema(kind: type) -> "pa.Schema":
    """The one Arrow schema of a record type: strings, but for amounts of money (float64) and flags (bool)."""
    import pyarrow as pa

    types = {"cost": pa.float64(), "deprecated": pa.bool_()}

    def column(spec: "dataclasses.Field[Any]") -> "pa.Field":
        return pa.field(spec.name, types.get(spec.name, pa.string()))

    return pa.schema([column(spec) for spec in dataclasses.fields(kind)])
