"""The questions put to the marketplace, and what its answers hold; nothing here opens a connection.

The marketplace answers GraphQL. What is known of its schema, and from where:

* one address, ``POST`` with a JSON body, the headers ``x-rapidapi-key``, ``x-rapidapi-host`` and, for a team's key,
  ``x-rapidapi-identity-key``; 10 requests a minute and user, 429 beyond it; one query a request: RapidAPI's own
  documentation (docs.rapidapi.com: graphql-platform-api-authorization, -pagination, -release-notes). It offers this
  interface to customers of an Enterprise Hub;
* cursors: ``pagination: {first, after}`` in, ``pageInfo {hasNextPage endCursor}`` out: the same documentation;
* ``searchApis`` with ``where: {term, categoryNames}``, ``orderBy: {sortingFields: [{fieldName, by}]}`` of
  ``ByRelevance`` or ``ByUpdatedAt``, its ``total``, the fields of an API, of its score, its version and endpoints, and
  ``categoriesV2``: the queries of public crawlers of the marketplace (2023 to 2026), which agree with each other.

The schema is not published as a whole, and it drifts: `read_page` therefore takes what is there and refuses only an
answer that it cannot page through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

CATEGORIES = "query categories { categoriesV2 { nodes { id name slugifiedName } } }"

APIS = """\
query apis($where: SearchApiWhereInput!, $pagination: PaginationInput, $orderBy: SearchApiOrderByInput) {
  products: searchApis(where: $where, pagination: $pagination, orderBy: $orderBy) {
    nodes {
      id name title description slugifiedName pricing updatedAt
      category: categoryName
      score { popularityScore avgLatency avgServiceLevel avgSuccessRate }
      user: User { id username }
      version {
        id name
        publicdns { address current }
        endpoints {
          id name method route description isGraphQL
          params { parameters }
          requestPayloads { format body schema examples }
          responsePayloads { statusCode format description body schema examples }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
    total
  }
}
"""

REFUSED_CODES = frozenset({"UNAUTHENTICATED", "FORBIDDEN", "UNAUTHORIZED"})


class RefusedKey(Exception):  # noqa: N818
    """The marketplace does not take the key."""


class StrangeAnswer(Exception):  # noqa: N818
    """An answer that is none of the shapes known; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One page of APIs.

    Attributes:
        nodes: the APIs, as they came. cursor: of the last one; empty on the last page.
        total: how many there are in all, if the marketplace says so.
    """

    nodes: Sequence[Any]
    cursor: str
    total: int | None


def categories_body() -> bytes:
    """Body of the request for all categories."""
    return orjson.dumps({"operationName": "categories", "query": CATEGORIES, "variables": {}})


def page_body(category: str, cursor: str, *, first: int, order: str, by: str) -> bytes:
    """Body of the request for ``first`` APIs of a category after ``cursor``."""
    variables: dict[str, Any] = {
        "where": {"term": "", "categoryNames": [category]},
        "pagination": {"first": first, "after": cursor},
        "orderBy": {"sortingFields": [{"fieldName": order, "by": by}]},
    }
    return orjson.dumps({"operationName": "apis", "query": APIS, "variables": variables})


def read_categories(body: bytes) -> list[str]:
    """Names of the categories, sorted.

    Raises:
        RefusedKey, StrangeAnswer: as `read_page`.
    """
    found = _data(body).get("categoriesV2")
    nodes = found.get("nodes") if isinstance(found, Mapping) else None
    if not isinstance(nodes, list):
        raise StrangeAnswer("it names no categoriesV2.nodes")
    return sorted({node["name"] for node in nodes if isinstance(node, Mapping) and isinstance(node.get("name"), str)})


def read_page(body: bytes) -> Answer:
    """One page of APIs.

    Raises:
        RefusedKey: the answer says that the key is not taken.
        StrangeAnswer: it is no JSON, holds errors and nothing else, or cannot be paged through.
    """
    products = _data(body).get("products")
    if not isinstance(products, Mapping) or not isinstance(products.get("nodes"), list):
        raise StrangeAnswer("it holds no products.nodes")
    info = products.get("pageInfo")
    if not isinstance(info, Mapping) or not isinstance(info.get("hasNextPage"), bool):
        raise StrangeAnswer("it holds no products.pageInfo.hasNextPage")
    cursor = info.get("endCursor")
    if info["hasNextPage"] and not (isinstance(cursor, str) and cursor):
        raise StrangeAnswer("it says that there is a next page, but gives no cursor")
    total = products.get("total")
    return Answer(
        nodes=products["nodes"],
        cursor=str(cursor) if info["hasNextPage"] else "",
        total=total if isinstance(total, int) else None,
    )


def _data(body: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise StrangeAnswer(f"it is not JSON: {error}") from error
    if not isinstance(answer, Mapping):
        raise StrangeAnswer("it is no JSON object")
    data = answer.get("data")
    listed = answer.get("errors")
    errors = [error for error in listed if isinstance(error, Mapping)] if isinstance(listed, list) else []
    if any(_code(error) in REFUSED_CODES for error in errors):
        raise RefusedKey
    if not isinstance(data, Mapping):
        said = str(errors[0].get("message"))[:200] if errors else "no data"
        raise StrangeAnswer(f"it says {' '.join(said.split())!r}")
    return data


def _code(error: Mapping[str, Any]) -> str:
    extensions = error.get("extensions")
    return str(extensions.get("code", "")).upper() if isinstance(extensions, Mapping) else ""
