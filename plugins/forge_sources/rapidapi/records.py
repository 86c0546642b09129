"""From an API as the marketplace describes it to records: one an endpoint.

The gateway's host name of an API (``SLUG.p.rapidapi.com``) is its provider, the API's name its service. What an API
lacks that a record needs (identity, endpoints, a route, a method) makes a `Reject` with its id, never an exception: the
marketplace's descriptions are written by thousands of hands, and its schema drifts. Some 50 microseconds an endpoint.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from forge.records import ApiRecord, Reject, to_json
from forge_sources.markup import plain
from forge_sources.rapidapi.schema import is_json_schema, object_schema, objects, shape_schema

GATEWAY = "p.rapidapi.com"
LARGEST_EXAMPLE = 20_000
"""Characters of JSON beyond which an example answer is left out; its schema stays."""
_EMPHASIS = re.compile(r"</?em>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where an API was found: ``locator`` of the page, and the date of the answer."""

    source: str
    locator: str
    retrieved_at: str | None


def records(api: object, found: Found) -> Iterator[ApiRecord | Reject]:
    """One record an endpoint, or the reason why there is none."""
    if not isinstance(api, Mapping):
        yield Reject(locator=found.locator, reason=f"an API that is no object but {str(api)[:60]!r}")
        return
    where = f"{found.locator}#{api.get('id') or api.get('slugifiedName') or 'no id'}"
    stated = api.get("version")
    version: Mapping[str, Any] = stated if isinstance(stated, Mapping) else {}
    endpoints = version.get("endpoints")
    missing = [key for key in ("id", "name") if not isinstance(api.get(key), str) or not api[key]]
    if missing or not isinstance(endpoints, list):
        what = ", ".join(missing) or ("version.endpoints" if version else "version")
        yield Reject(locator=where, reason=f"the API lacks {what}")
        return
    if not endpoints:
        yield Reject(locator=where, reason="the API documents no endpoint")
    common = _common(api, version, found)
    for number, endpoint in enumerate(endpoints):
        try:
            record = _endpoint(endpoint, common) if isinstance(endpoint, Mapping) else "is no object"
        except TypeError as error:  # orjson: nested too deep
            record = f"cannot be written as JSON: {error}"
        if isinstance(record, str):
            yield Reject(locator=f"{where}/endpoints/{number}", reason=f"the endpoint {record}")
        else:
            yield record


def _common(api: Mapping[str, Any], version: Mapping[str, Any], found: Found) -> dict[str, Any]:
    """What all records of an API share."""
    slug = str(api.get("slugifiedName") or "")
    user = api.get("user")
    owner = str(user.get("username") or "") if isinstance(user, Mapping) else ""
    return {
        "provider": _host(version) or (f"{slug}.{GATEWAY}" if slug else "rapidapi.com"),
        "service": str(api["name"]),
        "kind": "rest",
        "auth": ("apiKey",),
        "category": _EMPHASIS.sub("", str(api.get("category") or "")),
        "meta": facts(api),
        "source": found.source,
        "url": f"https://rapidapi.com/{owner}/api/{slug}" if owner and slug else None,
        "version": str(version["name"]) if version.get("name") else None,
        "retrieved_at": found.retrieved_at,
    }


def facts(api: Mapping[str, Any]) -> dict[str, Any]:
    """Title, pricing class, popularity (0 to 10), latency (ms), service level and success rate (percent), if stated."""
    score = api.get("score")
    score = score if isinstance(score, Mapping) else {}
    pricing = api.get("pricing")
    stated = {
        "title": str(api["title"]) if api.get("title") else None,
        "pricing": pricing.lower() if isinstance(pricing, str) and pricing else None,
        "popularity": _measure(score.get("popularityScore")),
        "latency_ms": _measure(score.get("avgLatency")),
        "service_level": _measure(score.get("avgServiceLevel")),
        "success_rate": _measure(score.get("avgSuccessRate")),
        "api_description": _EMPHASIS.sub("", plain(str(api.get("description") or ""))).strip() or None,
        "updated_at": str(api["updatedAt"]) if api.get("updatedAt") else None,
    }
    return {key: value for key, value in stated.items() if value is not None}


def _endpoint(endpoint: Mapping[str, Any], common: Mapping[str, Any]) -> ApiRecord | str:
    """The record, or what is wrong."""
    route, method, name = (str(endpoint.get(key) or "").strip() for key in ("route", "method", "name"))
    if not route and not name:
        return "has neither name nor route"
    if not method:
        return f"{name or route!r} states no method"
    params = endpoint.get("params")
    listed = params.get("parameters") if isinstance(params, Mapping) else None
    if listed is not None and not isinstance(listed, list):
        return f"{name or route!r} has parameters that are no list"
    answers = objects(endpoint.get("responsePayloads"))
    good = [answer for answer in answers if not _is_error(answer)]
    path = route if route.startswith("/") else f"/{route}"
    return ApiRecord(
        **(dict(common) | {"kind": "graphql" if endpoint.get("isGraphQL") else "rest"}),
        name=name or route,
        method=method.upper(),
        path=path,
        description=_EMPHASIS.sub("", plain(str(endpoint.get("description") or ""))).strip(),
        parameters=_parameters(listed, endpoint, method=method.upper(), path=path),
        returns=next((schema for answer in good if (schema := _schema(answer.get("schema")))), None),
        examples=tuple(example for answer in good[:1] for example in _examples(answer)),
        errors=tuple(
            {"code": str(answer["statusCode"]), "description": plain(str(answer.get("description") or "")).strip()}
            for answer in answers
            if _is_error(answer)
        ),
    )


def _parameters(listed: Any, endpoint: Mapping[str, Any], *, method: str, path: str) -> dict[str, Any]:
    pairs = [(entry, str(entry.get("condition")).upper() == "REQUIRED") for entry in objects(listed)]
    found = object_schema(pairs, method=method, path=path)
    for payload in objects(endpoint.get("requestPayloads")):
        body = _schema(payload.get("schema"))
        if body and "body" not in found["properties"]:
            found["properties"]["body"] = {**body, "x-in": "body"}
            break
    return found


def _examples(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The documented answer: the payload's first named example, else its body."""
    named = answer.get("examples")
    values = [v.get("value") for v in named.values() if isinstance(v, Mapping)] if isinstance(named, Mapping) else []
    result = next((value for value in values if value not in (None, "")), None)
    if result is None:
        result = parsed(answer.get("body"))
    if is_kept(result):
        yield {"result": result}


def parsed(body: object) -> Any:
    """A payload's body, which is JSON in a string more often than not."""
    if not isinstance(body, str) or not body.strip():
        return body or None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body


def is_kept(result: object) -> bool:
    """Whether an example answer is worth its room; one nested too deep for JSON is not."""
    if result in (None, "", {}, []):
        return False
    try:
        return len(to_json(result)) <= LARGEST_EXAMPLE
    except TypeError:
        return False


def _schema(value: object) -> dict[str, Any] | None:
    value = parsed(value)
    if isinstance(value, Mapping) and is_json_schema(value):
        return dict(value)
    return shape_schema(value) if isinstance(value, Mapping) and value else None


def _is_error(answer: Mapping[str, Any]) -> bool:
    code = str(answer.get("statusCode") or "")
    return code.isdecimal() and int(code) >= 400


def _host(version: Mapping[str, Any]) -> str:
    """The gateway's host name of the version, if stated: the current one first."""
    names = sorted(objects(version.get("publicdns")), key=lambda dns: not dns.get("current"))
    return next((str(dns["address"]) for dns in names if dns.get("address")), "")


def _measure(value: object) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
