"""The bytes of one specification as the values that `openapi` reads: JSON or YAML, whole or path by path.

Most of a large JSON document is its paths, which are read once, one after the other. They stay bytes until then
(`Raw`), so that a document of 47 MB takes 110 MB instead of 330 MB, and the collector of garbage has less to look at.
Cost: JSON 300 MB a second, YAML 10 to 19 MB a second.
"""

from typing import Any

import msgspec
import orjson

from forge_sources.spec_files import UnreadableSpec

Raw = msgspec.Raw
LAZY_BYTES = 1_000_000
WEIGHED_BYTES = 8_000_000
"""Size below which no document can take too much memory."""
MOST_MEMORY = 600_000_000
"""Bytes that the values of a JSON document may take by a count of its signs. The largest real one takes 340 MB."""

_WEIGHTS = ((b"{", 184), (b"[", 88), (b",", 60), (b'":', 110))
YAML_SUFFIXES = (".yaml", ".yml")

_TOP = msgspec.json.Decoder(dict[str, Raw])


def opened(data: bytes, name: str, *, lazy_bytes: int = LAZY_BYTES) -> Any:
    """The value that a specification's bytes stand for; in a large JSON document the items of ``paths`` stay `Raw`.

    Args:
        data: the bytes, UTF-8 (YAML: or UTF-16).
        name: path or address; an ending of ``.json`` means JSON alone, otherwise what the text looks like counts.
        lazy_bytes: size from which paths stay bytes.

    Raises:
        UnreadableSpec: it is not JSON, or not YAML within the limits of `yaml_documents`.
    """
    bare = name.partition("?")[0].removesuffix(".gz").lower()
    if not bare.endswith(".json"):
        looks_json = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
        if not looks_json:
            return _yaml(data)
        try:
            return _json(data, lazy_bytes)
        except UnreadableSpec:
            if bare.endswith(YAML_SUFFIXES):
                return _yaml(data)  # a flow mapping looks like JSON
            raise
    return _json(data, lazy_bytes)


def value_of(node: Any) -> Any:
    """``node``, read if it is still bytes.

    Raises:
        orjson.JSONDecodeError: the bytes are not JSON.
    """
    return orjson.loads(memoryview(node)) if isinstance(node, Raw) else node


def _json(data: bytes, lazy_bytes: int) -> Any:
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    if len(data) > WEIGHED_BYTES and sum(data.count(sign) * weight for sign, weight in _WEIGHTS) > MOST_MEMORY:
        raise UnreadableSpec(f"its values would take more than {MOST_MEMORY / 1e6:g} MB of memory")
    try:
        return orjson.loads(data) if len(data) < lazy_bytes else _lazy(data)
    except orjson.JSONDecodeError as error:
        raise UnreadableSpec(f"not JSON: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableSpec(f"not JSON: {error}") from error


def _lazy(data: bytes) -> Any:
    try:
        top = _TOP.decode(data)
    except msgspec.ValidationError:
        return orjson.loads(data)
    root: dict[str, Any] = {}
    for key, raw in top.items():
        if key == "paths":
            try:
                root[key] = _TOP.decode(memoryview(raw))
                continue
            except msgspec.ValidationError:
                pass
        root[key] = value_of(raw)
    return root


def _yaml(data: bytes) -> Any:
    from forge_sources.yaml_documents import RefusedYaml, yaml_value

    try:
        return yaml_value(data)
    except RefusedYaml as error:
        raise UnreadableSpec(str(error)) from error
