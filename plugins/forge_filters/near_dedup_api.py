"""What makes two API documents the same, and what keeps them apart, whatever their boilerplate.

Pages of API documentation share most of their words with their neighbours. Two of them are compared as texts only if
they document the same call: verb and path template, or else name. And they are the same without a look at the text
where they say so: ``meta.structure`` (a hash of verb, path template and parameter schema) within one ``meta.provider``,
or the same ``meta.api``. Some 10 microseconds an API document, nothing for others.
"""

import re
from typing import TYPE_CHECKING, Any

import orjson
import xxhash

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

API_KIND = "api_doc"
_HEAD = 2_000
_VERBS = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|QUERY"
_REQUEST = re.compile(
    rf"\b({_VERBS})\s+[\"'`]?(?:https?://[^\s/]+|\$\w+|\$\{{\w+\}})?(/[^\s`\"')\]]*)"
    r"(?:\s+\((?:X-Amz-Target: |Action=)([\w.-]+))?"
)
_NAME = re.compile(r"(?:^|[{,])\s*(?:def |\"name\": ?\")(\w[\w.-]*)", re.MULTILINE)
_VARIABLE = re.compile(r"\{[^{}/]*\}|<[^<>/]*>|(?<=/):\w+")


def call_signature(text: str) -> str:
    """``POST /users/{}``: verb and path template as the text states them, else the name of what is called.

    Names of path variables do not count. A text that states neither is known by its first line.
    """
    found = _REQUEST.search(text)
    if found:
        verb, path, target = found.groups(default="")
        return f"{verb} {_VARIABLE.sub('{}', path.rstrip('.,;:/')) or '/'} {target}".strip()
    named = _NAME.search(text)
    if named:
        return named[1]
    return text.lstrip().partition("\n")[0].strip("#=*` ").lower()


def structure_keys(
    batch: "pa.RecordBatch",
) -> tuple["np.ndarray[Any, np.dtype[np.uint64]]", "np.ndarray[Any, np.dtype[np.uint64]]"]:
    """Two keys a document, from its kind, meta and text; both 0 for what is no API document.

    Returns:
        guards: texts with different guards are never near-duplicates. same: documents of one value other than 0 are
        duplicates whatever their texts.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    guards = np.zeros(batch.num_rows, np.uint64)
    same = np.zeros(batch.num_rows, np.uint64)
    is_api = pc.equal(batch.column("kind"), API_KIND).fill_null(False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(is_api)
    here = pa.array(rows, pa.int64())
    heads = pc.utf8_slice_codeunits(batch.column("text").take(here), 0, _HEAD).to_pylist()
    metas = batch.column("meta").take(here).to_pylist()
    for row, text, raw in zip(rows.tolist(), heads, metas, strict=True):
        meta = orjson.loads(raw or "{}")
        structure = meta.get("structure")
        guards[row] = _key("guard", structure if isinstance(structure, str) else call_signature(text or ""))
        same[row] = _same(meta)
    return guards, same


def _same(meta: dict[str, Any]) -> int:
    provider, structure, api = (meta.get(name) for name in ("provider", "structure", "api"))
    if provider and isinstance(structure, str):
        return _key("structure", f"{provider}\n{structure}")
    return _key("api", api) if isinstance(api, str) and api else 0


def _key(role: str, value: str) -> int:
    return xxhash.xxh3_64_intdigest(f"{role}\n{value}".encode("utf-8", "surrogatepass")) or 1
