"""Renderer api-dialogue: calls agree with their schema, answers with what was returned, spans with the assistant."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.records import ApiRecord, Document, to_row
from forge_trajectories.api_dialogue import ApiDialogue
from forge_trajectories.call_answer import closing, shortened
from forge_trajectories.call_check import checked_arguments
from forge_trajectories.call_request import imperative, stated_value
from forge_trajectories.dialogue_style import ASSISTANT, STYLES, USER, lay_out
from forge_trajectories.picking import Picks

SCHEMA = {
    "type": "object",
    "required": ["owner"],
    "properties": {
        "owner": {"type": "string"},
        "count": {"type": "integer", "minimum": 1, "maximum": 50},
        "sort": {"type": "string", "enum": ["asc", "desc"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "nested": {"type": "object", "required": ["a"], "properties": {"a": {"type": ["number", "null"]}}},
    },
}
GOOD = {"arguments": {"owner": "octocat", "count": 2}, "result": {"id": 7, "name": "hello-world", "private": False}}


def repositories(*examples: Any, **changes: Any) -> ApiRecord:
    values: dict[str, Any] = {
        "provider": "code.example",
        "service": "",
        "name": "repos/list",
        "kind": "rest",
        "method": "GET",
        "path": "/repos/{owner}",
        "description": "Lists the repositories of an owner. Newest first.",
        "parameters": SCHEMA,
        "examples": list(examples),
        "license": "MIT",
        "source": "test",
    }
    return ApiRecord(**(values | changes))


def dialogues(record: ApiRecord, **options: Any) -> list[Document]:
    return list(ApiDialogue(**options).render(record))


def assistant(document: Document) -> list[str]:
    return [document.text[start:end] for start, end in document.meta["loss_spans"]]


def test_a_documented_call_becomes_a_dialogue() -> None:
    (document,) = dialogues(repositories(GOOD))
    call, answer = assistant(document)
    assert json.loads(call) == {"name": "repos_list", "arguments": GOOD["arguments"]}
    assert "hello-world" in answer
    asked = document.text[: document.text.index(call)]
    assert "octocat" in asked
    assert "repositories of an owner" in asked
    assert (document.domain, document.kind, document.license) == ("agent", "dialogue", "MIT")


def test_without_a_result_the_call_ends_the_dialogue() -> None:
    (document,) = dialogues(repositories({"arguments": {"owner": "octocat"}}))
    (call,) = assistant(document)
    assert document.text.endswith(call)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_spans_cover_the_assistants_turns_exactly(style: Any) -> None:
    turns = [(USER, "Say ü."), (ASSISTANT, "ü"), (USER, "More"), (ASSISTANT, "😀 yes")]
    text, spans = lay_out(turns, style)
    assert [text[start:end] for start, end in spans] == ["ü", "😀 yes"]
    assert all(text[start - 1] == "\n" for start, _ in spans)


def test_every_style_is_used() -> None:
    found = {document.meta["form"] for n in range(100) for document in dialogues(repositories(GOOD, name=f"list{n}"))}
    assert found == {style.name for style in STYLES}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"count": 2},
        {"owner": 5},
        {"owner": None},
        {"owner": "o", "count": "2"},
        {"owner": "o", "count": True},
        {"owner": "o", "count": 51},
        {"owner": "o", "sort": "random"},
        {"owner": "o", "unknown": 1},
        {"owner": "o", "tags": ["a", 1]},
        {"owner": "o", "nested": {}},
        {"owner": "o", "nested": {"a": "1"}},
        ["owner"],
        None,
    ],
)
def test_examples_that_break_the_schema_are_passed_over(arguments: Any) -> None:
    assert checked_arguments(arguments, SCHEMA) is None
    assert dialogues(repositories({"arguments": arguments, "result": {"id": 1}})) == []


def test_optional_nulls_are_left_out() -> None:
    assert checked_arguments({"owner": "o", "count": None}, SCHEMA) == {"owner": "o"}
    assert checked_arguments({"owner": "o", "nested": {"a": None}}, SCHEMA) == {"owner": "o", "nested": {"a": None}}


def test_a_write_without_arguments_is_no_example() -> None:
    free: dict[str, Any] = {"parameters": {"type": "object", "properties": {}}}
    assert len(dialogues(repositories({"result": {"id": 1}}, **free))) == 1
    assert dialogues(repositories({"result": {"id": 1}}, method="POST", **free)) == []


def test_records_without_examples_yield_nothing() -> None:
    assert dialogues(repositories()) == []


def test_at_most_so_many_a_record() -> None:
    examples = [{"arguments": {"owner": f"owner{number}"}} for number in range(5)]
    assert len(dialogues(repositories(*examples))) == 2
    found = dialogues(repositories(*examples), max_dialogues=4)
    assert len({document.id for document in found}) == 4


def test_long_results_are_cut_and_the_cut_is_said() -> None:
    result = {"items": [{"id": number, "text": "word " * 50} for number in range(100)]}
    (document,) = dialogues(repositories({"arguments": {"owner": "o"}, "result": result}))
    assert len(document.text) <= 1_500
    assert "…" in document.text
    shown, was_cut = shortened(result, 400)
    assert was_cut
    assert len(json.dumps(shown)) <= 400


def test_a_call_that_finds_no_room_is_passed_over() -> None:
    long = {"arguments": {"owner": "o" * 5_000}}
    assert dialogues(repositories(long)) == []
    assert dialogues(repositories(long, GOOD)) == dialogues(repositories(GOOD))


def test_an_unfilled_template_is_no_example() -> None:
    assert dialogues(repositories({"arguments": {"owner": "{{owner}}"}})) == []


def test_a_cut_answer_is_never_called_empty() -> None:
    assert "empty" not in closing({"a": {}}, Picks("1"), was_cut=True)
    assert "nothing" not in closing([], Picks("1"), was_cut=True)


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("Returns a group", "return a group"),
        ("Applies the patch", "apply the patch"),
        ("Creates or updates a thing", "create or update a thing"),
        ("Get Album", "get Album"),
        ("Fetches all", "fetch all"),
        ("This operation is old", ""),
        ("This method gets a job", "get a job"),
        ("The operation to create a thing", "create a thing"),
        ("Permanently deletes a fax", "permanently delete a fax"),
        ("To migrate a cluster to a region, send a `PUT` request", "migrate a cluster to a region"),
        ("Items of a list", ""),
        ("List", ""),
    ],
)
def test_imperative(sentence: str, wanted: str) -> None:
    assert imperative(sentence) == wanted


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("pg", "pg"),
        ("14", '"14"'),
        (14, "14"),
        ("two words", '"two words"'),
        (True, "true"),
        ("true", '"true"'),
        ("", '""'),
    ],
)
def test_values_are_stated_as_passed(value: Any, said: str) -> None:
    assert stated_value(value) == said


def test_same_record_same_dialogues() -> None:
    first, second = (dialogues(repositories(GOOD)) for _ in range(2))
    assert [to_row(document) for document in first] == [to_row(document) for document in second]


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=90)
RESULTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=6)
)


@settings(max_examples=150, deadline=None)
@given(result=RESULTS, owner=st.text(max_size=60), number=st.integers(0, 100))
def test_any_result_gives_a_sound_dialogue(result: Any, owner: str, number: int) -> None:
    record = repositories({"arguments": {"owner": owner}, "result": result}, name=f"list{number}")
    for document in dialogues(record):
        assert len(document.text) <= 1_500
        call, *answers = assistant(document)
        assert json.loads(call)["arguments"] == {"owner": owner.translate({127: " "})}
        assert len(answers) == (result is not None)
        assert all(answers)


@settings(max_examples=100, deadline=None)
@given(
    values=st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), SCALARS, min_size=1, max_size=6),
    seed=st.text(),
)
def test_answers_name_only_values_that_were_returned(values: dict[str, Any], seed: str) -> None:
    marked = {
        name: f"v{number}x" if isinstance(value, str) else value for number, (name, value) in enumerate(values.items())
    }
    answer = closing(marked, Picks(seed), was_cut=False)
    shown = json.dumps(marked, ensure_ascii=False)
    for word in answer.rstrip(".").replace(", ", " ").split():
        value = word.rstrip(".,:")
        if any(character.isdigit() for character in value):
            assert value in shown


@settings(max_examples=100, deadline=None)
@given(
    examples=st.lists(
        st.dictionaries(st.sampled_from(("arguments", "result", "odd")), RESULTS, max_size=3) | RESULTS, max_size=4
    ),
    schema=RESULTS,
)
def test_odd_examples_never_raise(examples: list[Any], schema: Any) -> None:
    dialogues(repositories(*examples, parameters=schema))
    dialogues(repositories(*examples, parameters={"properties": {"owner": schema}}))


def test_bounds_on_options() -> None:
    with pytest.raises(ValueError, match="max_dialogues = 0"):
        ApiDialogue(max_dialogues=0)
    with pytest.raises(ValueError, match="max_chars = 10"):
        ApiDialogue(max_chars=10)
