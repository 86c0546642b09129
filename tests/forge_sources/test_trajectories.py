"""Importers of published trajectories: counts in equal counts out, and what was written is what is kept."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forge.records import Reject, Trajectory
from forge.testing import check_source, context
from forge_sources.trajectories.calls import listed_calls, react_calls, tagged_calls
from forge_sources.trajectories.source import FORMATS, Trajectories, format_of_row
from forge_sources.trajectories.tools import tools_in_prompt, tools_of

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures"
WEATHER = {"name": "get_weather", "description": "Weather of a city.", "parameters": {"city": {"type": "str"}}}


def fixture(name: str) -> Path:
    if not FIXTURES.is_dir():
        pytest.skip(f"the fixtures are not beside this checkout: {FIXTURES}")
    return FIXTURES / name


def read(tmp_path: Path, *rows: Any, **options: Any) -> tuple[Sequence[Any], Sequence[Reject]]:
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = check_source(Trajectories(paths=("data.jsonl",), **options), context(tmp_path))
    return found.records, found.rejects


def one(tmp_path: Path, row: Any, **options: Any) -> Trajectory:
    records, rejects = read(tmp_path, row, **options)
    assert not rejects
    (record,) = records
    assert isinstance(record, Trajectory)
    return record


def calls_of(record: Trajectory) -> list[tuple[str, Any]]:
    return [(call["name"], call["arguments"]) for message in record.messages for call in message.tool_calls]


def leaves(node: Any) -> int:
    return sum(leaves(child) for child in node["children"]) if node["children"] else 1


def test_toolbench_gives_one_trajectory_a_branch_and_marks_the_failed_ones(tmp_path: Path) -> None:
    folder = fixture("toolbench/answer")
    trees = [json.loads(path.read_text()) for path in sorted(folder.glob("*/*.json"))]
    found = check_source(Trajectories(paths=(f"{folder}/**/*.json",)), context(tmp_path))
    assert not found.rejects
    assert len(found.records) == sum(leaves(tree["tree"]["tree"]) for tree in trees)
    won = Counter(record.checks[0]["passed"] for record in found.records if isinstance(record, Trajectory))
    assert won[True] == sum(tree["win"] for tree in trees)
    assert won[False] == len(found.records) - won[True]


def test_toolbench_keeps_every_step_of_a_branch(tmp_path: Path) -> None:
    path = fixture("toolbench/answer/G1_answer/10_ChatGPT_DFS_woFilter_w2.json")
    (record,) = check_source(Trajectories(paths=(str(path),)), context(tmp_path)).records
    assert isinstance(record, Trajectory)
    assert [message.role for message in record.messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert calls_of(record) == [
        ("transitaires_for_transitaires", {}),
        ("transitaire_for_transitaires", {"is_id": "ACT_AGENCE_CALEDONIENNE_DE_TRANSIT"}),
    ]
    assert record.messages[2].origin == "real"
    assert record.messages[2].tool_call_id == "call_1"
    assert record.messages[-1].content.startswith("The contact details of the 'Gondrand'")
    assert record.tools[0]["parameters"]["required"] == ["is_id"]


def test_toolalpaca_gives_one_trajectory_an_instruction(tmp_path: Path) -> None:
    path = fixture("toolalpaca/eval_simulated.json")
    rows = json.loads(path.read_text())
    found = check_source(Trajectories(paths=(str(path),)), context(tmp_path))
    assert not found.rejects
    assert len(found.records) == sum(len(row["Instructions"]) for row in rows) == 100
    golden = [len(steps) for row in rows for steps in row["Golden_Answers"]]
    assert sum(len(calls_of(record)) for record in found.records if isinstance(record, Trajectory)) == sum(golden)


def test_api_bank_gives_one_trajectory_a_file_and_names_the_empty_one(tmp_path: Path) -> None:
    folder = fixture("apibank_level1")
    files = sorted(folder.glob("*.jsonl"))
    calls = sum(path.read_text().count('"role": "API"') for path in files)
    found = check_source(Trajectories(paths=(str(folder),)), context(tmp_path))
    empty = [path for path in files if not path.stat().st_size]
    assert len(found.records) + len(found.rejects) == len(files)
    assert [reject.locator for reject in found.rejects] == [f"apibank_level1/{path.name}" for path in empty]
    assert sum(len(calls_of(record)) for record in found.records if isinstance(record, Trajectory)) == calls


def test_xlam(tmp_path: Path) -> None:
    answers = [
        {"name": "get_weather", "arguments": {"city": "Oslo"}},
        {"name": "get_weather", "arguments": {"city": "Bergen"}},
    ]
    flat = {**WEATHER, "parameters": {"city": {"type": "str"}, "days": {"type": "List[int], optional", "default": 3}}}
    record = one(tmp_path, {"id": 1, "query": "Weather?", "answers": json.dumps(answers), "tools": json.dumps([flat])})
    assert calls_of(record) == [("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Bergen"})]
    assert record.tools[0]["parameters"] == {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "array", "items": {"type": "integer"}, "default": 3},
        },
        "required": ["city"],
    }


def test_openai_messages_keep_their_call_ids(tmp_path: Path) -> None:
    calls = [
        {"id": "a7", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}},
        {"id": "a8", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Ber'}},
    ]
    row = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Oslo"}, {"type": "text", "text": "and Bergen"}]},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "a8", "content": "broken"},
            {"role": "tool", "tool_call_id": "a7", "content": "rain"},
            {"role": "assistant", "content": "Rain."},
        ],
        "tools": [{"type": "function", "function": WEATHER}],
    }
    record = one(tmp_path, row, observations="mock")
    assert calls_of(record) == [("get_weather", {"city": "Oslo"}), ("get_weather", '{"city": "Ber')]
    assert [(m.tool_call_id, m.origin) for m in record.messages if m.role == "tool"] == [("a8", "mock"), ("a7", "mock")]
    assert record.messages[1].content == "Oslo\nand Bergen"


def test_hermes_tags_in_sharegpt(tmp_path: Path) -> None:
    row = {
        "conversations": [
            {
                "from": "system",
                "value": f"Use <tools>\n{json.dumps(WEATHER)}\n{json.dumps({'name': 'other'})}\n</tools>",
            },
            {"from": "human", "value": "Weather in Oslo?"},
            {
                "from": "gpt",
                "value": 'Sure. <tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
            },
            {"from": "tool", "value": "<tool_response>rain</tool_response>"},
            {"from": "gpt", "value": "Rain."},
        ]
    }
    record = one(tmp_path, row)
    assert [tool["name"] for tool in record.tools] == ["get_weather", "other"]
    assert calls_of(record) == [("get_weather", {"city": "Oslo"})]
    assert record.messages[2].content == "Sure."
    assert record.messages[3].tool_call_id == "call_1"


def test_sharegpt_with_turns_of_calls(tmp_path: Path) -> None:
    row = {
        "conversations": [
            {"from": "human", "value": "Weather?"},
            {"from": "function_call", "value": '{"name": "get_weather", "arguments": {"city": "Oslo"}}'},
            {"from": "observation", "value": "rain"},
            {"from": "gpt", "value": "Rain."},
        ],
        "tools": json.dumps([WEATHER]),
    }
    record = one(tmp_path, row)
    assert calls_of(record) == [("get_weather", {"city": "Oslo"})]
    assert record.messages[2].role == "tool"


def test_toolace(tmp_path: Path) -> None:
    tool = {
        "name": "Market Trends API",
        "description": "d",
        "parameters": {"type": "dict", "properties": {"n": {"type": "int"}}},
    }
    row = {
        "system": f"Answer as [func_name1(params_name1=params_value1...)].\nYour functions:\n{json.dumps([tool])}. Go.",
        "conversations": [
            {"from": "user", "value": "Trends?"},
            {"from": "assistant", "value": '[Market Trends API(n=5, where="a, (b)", on=true), Market Trends API(n=6)]'},
            {"from": "tool", "value": '[{"name": "Market Trends API", "results": {}}]'},
            {"from": "assistant", "value": "Here they are [1]."},
        ],
    }
    record = one(tmp_path, row)
    assert record.blueprint is not None
    assert record.blueprint["format"] == "toolace"
    assert calls_of(record) == [
        ("Market Trends API", {"n": 5, "where": "a, (b)", "on": True}),
        ("Market Trends API", {"n": 6}),
    ]
    assert record.tools[0]["parameters"]["properties"] == {"n": {"type": "integer"}}
    assert record.messages[-1].content == "Here they are [1]."


def test_agent_flan_reads_react_steps_and_their_observations(tmp_path: Path) -> None:
    row = {
        "conversation": [
            {"role": "user", "content": "Find the weather.", "loss": False},
            {
                "role": "assistant",
                "content": 'Thought: look.\nAction: get_weather\nAction Input: {"city": "Oslo"}',
                "loss": True,
            },
            {"role": "user", "content": "Response: rain", "loss": False},
            {"role": "assistant", "content": "Thought: done. It rains.", "loss": True},
        ],
        "id": "x",
    }
    record = one(tmp_path, row)
    assert calls_of(record) == [("get_weather", {"city": "Oslo"})]
    assert record.messages[1].content == "look."
    assert (record.messages[2].role, record.messages[2].tool_call_id) == ("tool", "call_1")
    assert record.tools[0]["parameters"]["properties"] == {"city": {}}


def test_simulated_runs_of_toolalpaca_say_that_a_model_answered(tmp_path: Path) -> None:
    spec = {
        "openapi": "3.0.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/w": {"get": {"operationId": "get_weather"}}},
    }
    steps = [[["get_weather", '{"city": "Oslo"}', "I look.\nASSISTANT Action: get_weather"], "Status Code: 200."]]
    row = {
        "Name": "W",
        "Documentation": json.dumps(spec),
        "Instances": [{"input": "q", "output": "a", "intermediate_steps": steps}],
    }
    record = one(tmp_path, row)
    assert [(m.role, m.content, m.origin) for m in record.messages] == [
        ("user", "q", None),
        ("assistant", "I look.", None),
        ("tool", "Status Code: 200.", "llm"),
        ("assistant", "a", None),
    ]


def test_rows_that_are_no_dialogue_are_rejected_with_their_place(tmp_path: Path) -> None:
    rows = [
        {"text": "x"},
        5,
        {"messages": []},
        {"conversations": [{"from": "martian", "value": "x"}]},
        {"messages": [{"role": "user"}]},
    ]
    records, rejects = read(tmp_path, *rows)
    assert not records
    assert [reject.locator for reject in rejects] == [f"data.jsonl:{n}" for n in range(1, 6)]
    assert "'martian'" in rejects[3].reason
    assert "no turn of the assistant" in rejects[4].reason


@pytest.mark.parametrize(
    "row",
    [
        {"query": "q", "tools": [], "answers": [{"name": "a", "arguments": {}}, "b()"]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [{"name": "a"}, 3]}]},
    ],
)
def test_a_row_with_a_call_that_is_none_is_rejected_whole(tmp_path: Path, row: dict[str, Any]) -> None:
    records, rejects = read(tmp_path, row)
    assert not records
    assert "a call in it is no object" in rejects[0].reason


def test_parquet_rows_are_read_too(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    pq.write_table(pa.Table.from_pylist([{"messages": messages}] * 3), tmp_path / "data.parquet")
    found = check_source(Trajectories(paths=("data.parquet",)), context(tmp_path))
    assert len(found.records) == 3


def test_licence_and_its_evidence_are_kept(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    record = one(tmp_path, row, license="MIT", license_evidence="LICENSE of the repository")
    assert record.license == "MIT"
    assert record.blueprint is not None
    assert record.blueprint["license_evidence"] == "LICENSE of the repository"


@pytest.mark.parametrize(
    "options",
    [{}, {"paths": ("x",), "format": "x"}, {"paths": ("x",), "observations": "x"}, {"paths": ("x",), "license": "MIT"}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"paths|format|observations|license_evidence"):
        Trajectories(**options)


def test_every_format_can_be_found_by_keys() -> None:
    rows = {
        "toolbench": {"tree": {}, "answer_generation": {}},
        "toolalpaca": {"Documentation": "", "Instances": []},
        "api-bank": {"role": "User", "text": ""},
        "toolace": {"conversations": [], "system": '[func_name1(a)] [{"name": "x"}]'},
        "sharegpt": {"conversations": []},
        "agent-flan": {"conversation": []},
        "xlam": {"query": "", "answers": "", "tools": ""},
        "messages": {"messages": []},
    }
    assert {name: format_of_row(row) for name, row in rows.items()} == {name: name for name in FORMATS}


NODES = st.recursive(
    st.fixed_dictionaries(
        {"node_type": st.sampled_from(["Thought", "Action", "Action Input", 3]), "description": st.text()}
    ),
    lambda inner: st.fixed_dictionaries(
        {"children": st.lists(inner, max_size=3) | st.integers(), "node_type": st.none()}
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(NODES)
def test_no_tree_crashes_the_reader_of_toolbench(root: dict[str, Any]) -> None:
    row = {"tree": {"tree": root}, "answer_generation": {"query": "q"}}
    for record in Trajectories(paths=("x",))._row(row, locator="x:1"):
        assert isinstance(record, Trajectory | Reject)


def test_a_tree_that_is_too_deep_is_refused() -> None:
    root: dict[str, Any] = {"children": []}
    for _ in range(900):
        root = {"children": [root]}
    row = {"tree": {"tree": root}, "answer_generation": {"query": "q"}}
    (found,) = Trajectories(paths=("x",))._row(row, locator="x:1")
    assert isinstance(found, Reject)
    assert "deeper than 400" in found.reason


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("tree", "answer_generation", "Documentation", "Instances", "messages", "conversations", "conversation", "query")


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*KEYS, "answers", "tools", "role", "text", "system"]), VALUES, min_size=1))
def test_no_row_crashes_an_importer(row: dict[str, Any]) -> None:
    assume(format_of_row(row) != "api-bank")  # whose rows are turns, not dialogues
    source = Trajectories(paths=("x",))
    for record in source._row(row, locator="x:1"):
        assert isinstance(record, Trajectory | Reject)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="[]()=,\"'\\ab1{}:<tool_call>/\n", max_size=80))
def test_no_text_crashes_the_readers_of_calls(text: str) -> None:
    for reader in (tagged_calls, react_calls):
        content, calls = reader(text, first=1)
        assert calls or content == text
    content, calls = listed_calls(text, first=1, names=["a"])
    assert calls or content == text
    tools_in_prompt(text)
    tools_of(text)


LITERALS = st.dictionaries(st.sampled_from(["city", "n", "flag"]), st.integers() | st.text(max_size=20) | st.booleans())


@given(st.lists(LITERALS, min_size=1, max_size=4))
def test_listed_calls_come_back_as_they_were(arguments: list[dict[str, Any]]) -> None:
    text = ", ".join(
        f"get_weather({', '.join(f'{key}={value!r}' for key, value in each.items())})" for each in arguments
    )
    content, calls = listed_calls(f"[{text}]", first=1, names=["get_weather"])
    assert content == ""
    assert [each["arguments"] for each in calls] == arguments
