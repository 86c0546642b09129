"""The source `huggingface` against a hub on loopback, and on saved cards."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.clients.http import HttpClient
from forge.errors import FetchError, StepError
from forge.records import ApiRecord, Document
from forge.testing import check_source, context
from forge_sources.hub.card import DEEPEST, description_of, read_card, usage_of
from forge_sources.hub.models_source import HuggingFace
from forge_sources.hub.tasks import TASKS

_spec = importlib.util.spec_from_file_location("hub_server", Path(__file__).with_name("hub_server.py"))
server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server)
SHA, TOKEN, Hub = server.SHA, server.TOKEN, server.Hub

CARD = """---
license: apache-2.0
language: [en, de]
pipeline_tag: text-classification
base_model: org/base
date: 2024-01-01
---
<!-- a comment for authors -->
# A model for feelings

[![badge](x.svg)](y)

This **model** says whether a [sentence](http://h) is glad or sad; it was made for reviews in two languages.

## Training

```python
import torch
train(torch)
```

## How to use

```bash
pip install transformers
```

```python
from transformers import pipeline
pipe = pipeline("text-classification", model="org/glad")
```

More words follow here, so that the card is long enough to be kept as a document of its own, with code in it.
"""


def model(name, downloads, *, task="text-classification", gated=False):
    return {
        "id": name,
        "_id": "6",
        "sha": SHA,
        "pipeline_tag": task,
        "library_name": "transformers",
        "tags": ["b", "a"],
        "downloads": downloads,
        "likes": 3,
        "gated": gated,
        "lastModified": "2024-01-02T00:00:00.000Z",
        "cardData": None,
    }


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    made = Hub(gated={"org/shut"})
    made.models = [
        model("org/glad", 900),
        model("org/bare", 800),
        model("org/shut", 700, gated="manual"),
        model("other/asr", 600, task="automatic-speech-recognition"),
        model("org/odd", 500, task="robotics"),
    ]
    made.cards = {
        "org/glad": CARD,
        "org/shut": CARD,
        "other/asr": "Short.",
        "org/odd": CARD.replace("apache-2.0", "llama3"),
    }
    yield made
    made.close()


@pytest.fixture
def here(tmp_path):
    client = HttpClient(tmp_path / "http", wait=0.01, interval=0.0, attempts=2)
    yield context(tmp_path, http=client)
    client.close()


def by_name(found):
    return {record.name: record for record in found.records if isinstance(record, ApiRecord)}


def test_models_become_apis_and_cards_documents(hub, here):
    found = check_source(HuggingFace(endpoint=hub.base), here)
    apis = by_name(found)
    assert set(apis) == {"org/glad", "org/bare", "org/shut", "other/asr", "org/odd"}
    glad = apis["org/glad"]
    assert (glad.provider, glad.kind, glad.category, glad.version) == (
        "huggingface.co",
        "model",
        "text-classification",
        SHA,
    )
    assert glad.description.startswith("This model says whether a sentence is glad or sad;")
    assert (glad.license, glad.license_evidence) == ("Apache-2.0", "model card: license: apache-2.0")
    assert glad.parameters["required"] == ["inputs"]
    assert glad.returns == TASKS["text-classification"][1]
    assert glad.examples[0]["code"].startswith("from transformers import pipeline")
    assert glad.meta["popularity"] == {"downloads": 900, "likes": 3}
    assert (glad.meta["gated"], glad.meta["languages"], glad.meta["tags"]) == (False, ["en", "de"], ["a", "b"])
    assert (apis["org/shut"].meta["gated"], apis["org/shut"].auth) == (True, ("http:bearer",))
    assert apis["org/odd"].parameters == {}
    assert apis["org/odd"].license == "unknown"
    assert apis["org/odd"].license_evidence == "model card: license: llama3"
    documents = {record.meta["model"]: record for record in found.records if isinstance(record, Document)}
    assert set(documents) == {"org/glad", "org/odd"}
    document = documents["org/glad"]
    assert document.text.startswith("# A model for feelings")
    assert "license:" not in document.text
    assert "pipe = pipeline(" in document.text
    assert (document.domain, document.kind, document.license) == ("agent", "api_doc", "Apache-2.0")
    reasons = {reject.locator: reject.reason for reject in found.rejects}
    assert reasons[f"org/bare@{SHA}"] == "it has no card"
    assert "set HF_TOKEN" in reasons[f"org/shut@{SHA}"]


def test_filters_and_limits_go_to_the_hub(hub, here):
    source = HuggingFace(endpoint=hub.base, task="text-classification", author="org", limit=2)
    assert set(by_name(check_source(source, here))) == {"org/glad", "org/bare"}
    assert len(hub.asked("/api/models?")) == 1
    assert len(hub.asked("/resolve/")) == 2


def test_the_second_time_nothing_is_asked(hub, here):
    source = HuggingFace(endpoint=hub.base)
    assert source.plan(here).startswith(f"fetches at most 1,000 model cards from {hub.base}: 2 + 1,000 requests")
    first = source.partitions(here)
    asked = len(hub.seen)
    assert source.partitions(here) == first
    assert source.plan(here).startswith("reads 5 models gathered on ")
    assert len(hub.seen) == asked
    hub.models = hub.models[:1]
    assert sum(len(part.items) for part in source.partitions(replace(here, refresh=True))) == 1


class Dies:
    """A client whose process is killed after some requests."""

    def __init__(self, client, after):
        self.client, self.left = client, after

    def fetch(self, request):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.client.fetch(request)


def test_a_killed_run_goes_on_where_it_stopped(hub, here):
    source = HuggingFace(endpoint=hub.base)
    with pytest.raises(KeyboardInterrupt):
        source.partitions(replace(here, http=Dies(here.http, after=5)))  # three list pages and two cards
    assert len(by_name(check_source(source, here))) == 5
    assert len(hub.asked("/api/models")) == 3
    assert len(hub.asked("/org/glad/resolve/")) == 1


def test_a_card_that_cannot_be_had_is_a_reject(hub, here):
    hub.faults[f"/org/odd/resolve/{SHA}/README.md"] = [500, 500]
    found = check_source(HuggingFace(endpoint=hub.base), here)
    assert f"org/odd@{SHA}" in [reject.locator for reject in found.rejects]
    assert by_name(found)["org/odd"].description == ""


def test_a_hub_that_stops_answering_ends_the_run_and_leaves_no_trace(hub, here):
    hub.models = [model(f"org/m{number}", 900 - number) for number in range(8)]
    hub.cards = {each["id"]: CARD for each in hub.models}
    source = HuggingFace(endpoint=hub.base)
    for number in range(2, 7):
        hub.faults[f"/org/m{number}/resolve/{SHA}/README.md"] = [500] * 2
    with pytest.raises(FetchError, match=r"stopped answering .*run the same command again"):
        source.partitions(here)
    found = check_source(source, here)
    assert all(record.description for record in by_name(found).values())
    assert len(hub.asked("/org/m0/resolve/")) == 1


def test_an_entry_of_the_list_that_is_no_model_is_a_reject(hub, here):
    hub.models.append({**model("org/strange", 10), "likes": "many"})
    found = check_source(HuggingFace(endpoint=hub.base), here)
    assert "org/strange" in [reject.locator for reject in found.rejects]
    assert "org/strange" not in by_name(found)


def test_a_card_is_a_document_without_badges_and_layout(hub, here):
    hub.cards["org/glad"] = CARD.replace(
        "# ", '<p align="center"><img src="x.png"></p>\n\n[![b](https://img.example/b)](c)\n\n# A <b>bold</b> &amp; ', 1
    )
    found = check_source(HuggingFace(endpoint=hub.base), here)
    text = next(each.text for each in found.records if getattr(each, "meta", {}).get("model") == "org/glad")
    assert text.startswith("# A bold & ")
    assert "```python" in text


def test_models_by_name(hub, here):
    source = HuggingFace(endpoint=hub.base, ids=("org/odd", "org/glad"))
    assert set(by_name(check_source(source, here))) == {"org/odd", "org/glad"}
    with pytest.raises(FetchError, match="/api/models/no/such"):
        HuggingFace(endpoint=hub.base, ids=("no/such",)).partitions(here)


def test_list_pages_that_were_had_are_not_asked_for_again(hub, here):
    source = HuggingFace(endpoint=hub.base, limit=5)
    answer = hub.answer

    def fails_on_the_second_page(path, query, headers):
        return (500, {}, b"") if "cursor" in query else answer(path, query, headers)

    hub.answer = fails_on_the_second_page
    with pytest.raises(FetchError):
        source.partitions(here)
    hub.answer = answer
    before = len([path for _, path, _ in hub.seen if path.startswith("/api/models") and "cursor" not in path])
    source.partitions(here)
    after = len([path for _, path, _ in hub.seen if path.startswith("/api/models") and "cursor" not in path])
    assert (before, after) == (1, 1)


def test_the_token_opens_gates_and_is_written_nowhere(hub, here, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    found = check_source(HuggingFace(endpoint=hub.base, author="org"), here)
    assert by_name(found)["org/shut"].license == "Apache-2.0"
    assert [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()] == []


def test_a_next_page_elsewhere_is_not_followed(hub, here):
    hub.base, real = "http://evil.example", hub.base
    with pytest.raises(FetchError, match="not to be followed"):
        HuggingFace(endpoint=real).partitions(here)


def test_no_model_is_an_error_with_the_way_out(hub, here):
    with pytest.raises(StepError, match="loosen task"):
        HuggingFace(endpoint=hub.base, author="nobody").partitions(here)


def test_saved_cards(tmp_path):
    places = ("org/glad/README.md", "org/sad.md", "org--mad.md")
    for place in places:
        (tmp_path / "cards" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cards" / place).write_text(CARD)
    (tmp_path / "cards" / "bad.md").write_bytes(b"\xff\xfe")
    found = check_source(HuggingFace(path="cards"), context(tmp_path))
    apis = by_name(found)
    assert set(apis) == {"org/glad", "org/sad", "org/mad", "bad"}
    assert (apis["org/sad"].category, apis["org/sad"].license) == ("text-classification", "Apache-2.0")
    assert [reject.reason for reject in found.rejects] == ["the card is not UTF-8 text"]


@pytest.mark.parametrize(
    ("front", "problem"),
    [
        ("a: &x [1]\nb: *x", "references"),
        ("a: " + "[" * (DEEPEST + 5), "deep nesting"),
        ("a: [1", "not YAML"),
        ("- a\n- b", "no table"),
        ("a: 2024-13-45", "not YAML"),
        ("a: !!python/object/apply:os.system [ls]", "not YAML"),
    ],
)
def test_front_matter_that_is_no_good_is_named(front, problem):
    card = read_card(f"---\n{front}\n---\nText")
    assert problem in card.problem
    assert (card.facts, card.text) == ({}, "Text")


def test_a_card_without_front_matter_or_code():
    card = read_card("# Only a heading\r\n\r\nSome text with ---\r\n---\r\n")
    assert card.facts == {}
    assert usage_of(card.text) == ""
    assert description_of(card.text) == ""


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300) | st.text(alphabet="-#`\n: ab[]{}&*!<>", max_size=300))
def test_no_card_breaks_the_reader(text):
    card = read_card(f"---\n{text}")
    description_of(card.text)
    usage_of(card.text)


@pytest.mark.parametrize("options", [{"sort": "stars"}, {"limit": 0}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=r"one of|1 or more"):
        HuggingFace(**options)
