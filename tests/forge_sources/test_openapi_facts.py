"""What a document says around its operations: provider, licence with evidence, terms, categories, tags."""

from typing import Any

import pytest

from forge_sources.openapi.document import OpenApi
from forge_sources.openapi.facts import categories_of, host_of, licence_of, server_of, tags_of, terms_of


@pytest.mark.parametrize(
    ("stated", "expression", "evidence"),
    [
        ({"name": "MIT", "url": "https://x/mit"}, "MIT", "info.license: MIT (https://x/mit)"),
        ({"identifier": "MIT OR Apache-2.0"}, "MIT OR Apache-2.0", "info.license: MIT OR Apache-2.0"),
        ({"name": "Dual", "identifier": "no expression"}, "unknown", "info.license: no expression, Dual"),
        ({"name": "BeezUP\n own"}, "unknown", "info.license: BeezUP own"),
        ({"url": "https://www.apache.org/licenses/LICENSE-2.0"}, "Apache-2.0", None),
        ({"name": "ODbL-1.0"}, "ODbL-1.0", "info.license: ODbL-1.0"),
        ("Apache 2.0", "Apache-2.0", "info.license: Apache 2.0"),
        ({"name": " "}, "unknown", ""),
        (None, "unknown", ""),
    ],
)
def test_licence_comes_with_the_words_that_state_it(stated: Any, expression: str, evidence: str | None) -> None:
    found = licence_of({"license": stated})
    assert found[0] == expression
    assert evidence is None or found[1] == evidence


def test_a_package_s_licence_counts_only_where_the_document_states_none() -> None:
    package = ("MIT", "npm:acme@1.0.0: MIT")
    assert licence_of({}, otherwise=package) == package
    assert licence_of({"license": {"name": "Proprietary"}}, otherwise=package)[0] == "unknown"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("https://example.org/terms", "https://example.org/terms"),
        ("https://u:p@example.org/terms?token=abcdefgh1", "https://example.org/terms?token=[hidden]"),
        ("Ask us.", None),
        ("javascript:alert(1)", None),
        (None, None),
        ({"a": 1}, None),
    ],
)
def test_terms_are_an_address_without_secrets(stated: Any, expected: str | None) -> None:
    assert terms_of({"termsOfService": stated}) == expected


def test_categories_and_tags_are_short_words_each_once() -> None:
    assert categories_of({"x-apisguru-categories": "security"}) == ["security"]
    assert categories_of({"x-apisguru-categories": ["cloud", 3, None, "cloud"]}) == ["cloud", "3"]
    assert tags_of({"tags": ["a\nb", {}, "c" * 200, *"defgh"]}) == ["a b", "c" * 80, "d", "e"]


@pytest.mark.parametrize(
    ("document", "host", "server"),
    [
        ({"servers": [{"url": "https://api.example.org/v1"}]}, "example.org", "https://api.example.org/v1"),
        ({"servers": [{"url": "/v1"}, {"url": "http://www.example.org"}]}, "example.org", "http://www.example.org"),
        ({"servers": [{"url": "https://{x}.example.org"}]}, "", "https://{x}.example.org"),
        ({"servers": [{"url": "http://127.0.0.1:80"}, {"url": "http://localhost"}]}, "", "http://127.0.0.1:80"),
        ({"servers": [{"url": "https://[broken"}]}, "", "https://[broken"),
        ({"servers": "none"}, "", ""),
        (
            {"swagger": "2.0", "host": "api.example.org:8080", "basePath": "/v2", "schemes": ["http", "https"]},
            "example.org",
            "https://api.example.org:8080/v2",
        ),
    ],
)
def test_host_and_server(document: dict[str, Any], host: str, server: str) -> None:
    api = OpenApi(document)
    assert (host_of(api), server_of(api)) == (host, server)
