"""Annotations to JSON Schema."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_sources.python_modules.annotations import schema_of

NULL = {"type": "null"}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("int", {"type": "integer"}),
        ("builtins.str", {"type": "string"}),
        ("None", NULL),
        ("typing.Any", {}),
        ("Optional[int]", {"type": ["integer", "null"]}),
        ("int | str | None", {"type": ["integer", "string", "null"]}),
        ("Union[int, 'str']", {"type": ["integer", "string"]}),
        ("int | Any", {}),
        ("'list[int]'", {"type": "array", "items": {"type": "integer"}}),
        ("list[int] | None", {"type": ["array", "null"], "items": {"type": "integer"}}),
        ("Literal['a', 'b']", {"type": "string", "enum": ["a", "b"]}),
        ("Literal[1, 'b'] | None", {"anyOf": [{"enum": [1, "b"]}, NULL]}),
        ("Optional[Literal['a']]", {"type": ["string", "null"], "enum": ["a", None]}),
        ("dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("t.Mapping[str, Any]", {"type": "object"}),
        ("set[str]", {"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            "tuple[int, str]",
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        ("Annotated[int, Gt(0)]", {"type": "integer"}),
        ("Client", {"x-annotation": "Client"}),
        ("Client | None", {"x-annotation": "Client | None"}),
        ("str | Client", {"anyOf": [{"type": "string"}, {"x-annotation": "Client"}]}),
        ("list[Client]", {"type": "array", "items": {"x-annotation": "Client"}}),
        ("Callable[[int], str]", {"x-annotation": "Callable[[int], str]"}),
        ("not python (", {"x-annotation": "not python ("}),
    ],
)
def test_schema_of(annotation: str, schema: dict[str, Any]) -> None:
    assert schema_of(annotation) == schema


def test_a_schema_is_the_callers_own() -> None:
    schema_of("int")["description"] = "changed"
    assert schema_of("int") == {"type": "integer"}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab|[],. '\"()Literaltuple0*", max_size=30))
def test_no_text_raises(text: str) -> None:
    assert isinstance(schema_of(text), dict)


def test_nesting_is_bounded() -> None:
    assert schema_of("list[" * 300 + "int" + "]" * 300)
    assert schema_of("int |" * 600 + "str")


def test_a_forward_reference_is_shown_without_its_quotes():
    assert schema_of("'Task'") == {"x-annotation": "Task"}
    assert schema_of("'int'") == {"type": "integer"}
