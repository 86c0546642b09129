"""The source `hf-dataset` against a hub on loopback, through the engine's own HTTP client."""

import gzip
import importlib.util
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.clients.http import HttpClient
from forge.errors import FetchError, StepError
from forge.testing import check_source, context
from forge_sources.hub.dataset import HfDataset
from forge_sources.hub.license import hub_license

_spec = importlib.util.spec_from_file_location("hub_server", Path(__file__).with_name("hub_server.py"))
server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server)
SHA, TOKEN, CUT, Hub = server.SHA, server.TOKEN, server.CUT, server.Hub


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    made = Hub(gated={"bigcode/starcoderdata"})
    yield made
    made.close()


@pytest.fixture
def here(tmp_path):
    client = HttpClient(tmp_path / "http", wait=0.01, interval=0.0)
    yield context(tmp_path, http=client)
    client.close()


def parquet(rows):
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream, row_group_size=2)
    return stream.getvalue()


def web_rows(start, count=3):
    return [
        {"text": f"Page {number}", "id": f"<{number}>", "url": f"http://h/{number}", "dump": "D", "token_count": 7}
        | {"date": "2024", "language": "en", "language_score": 0.9}
        for number in range(start, start + count)
    ]


@pytest.fixture
def fineweb(hub):
    files = {f"sample/10BT/{number:03d}.parquet": parquet(web_rows(number * 10)) for number in range(3)}
    hub.datasets["HuggingFaceFW/fineweb"] = {**files, "data/CC-MAIN-2024/000.parquet": parquet(web_rows(90))}
    hub.facts["HuggingFaceFW/fineweb"] = {"license": "odc-by"}
    return hub


def test_a_preset_reads_its_default_files(fineweb, here):
    source = HfDataset(dataset="fineweb", endpoint=fineweb.base)
    found = check_source(source, here)
    assert [record.text for record in found.records] == [
        f"Page {number}" for number in (0, 1, 2, 10, 11, 12, 20, 21, 22)
    ]
    document = found.records[0]
    assert (document.domain, document.kind, document.url, document.license) == (
        "text",
        "web",
        "http://h/0",
        "ODC-By-1.0",
    )
    assert document.meta["license_evidence"] == "data set card: license: odc-by"
    assert (document.meta["id"], document.meta["dump"], document.meta["revision"]) == ("<0>", "D", SHA)
    assert document.meta["locator"] == "HuggingFaceFW/fineweb/sample/10BT/000.parquet:1"
    other = HfDataset(dataset="fineweb", config="CC-MAIN-2024", endpoint=fineweb.base)
    assert [part.items[1] for part in other.partitions(here)] == ["data/CC-MAIN-2024/000.parquet"]


def test_plan_says_files_and_size_and_fetches_no_data(fineweb, here):
    source = HfDataset(dataset="fineweb", max_files=2, endpoint=fineweb.base)
    assert source.plan(here).startswith("fetches 2 of 3 files, 0.0 of 0.0 MB, of HuggingFaceFW/fineweb at aaaaaaaaaaaa")
    assert len(source.partitions(here)) == 2
    assert not fineweb.asked("", host="storage")
    asked = len(fineweb.seen)
    source.partitions(here)
    assert len(fineweb.seen) == asked


def test_files_are_deleted_once_read_or_kept(fineweb, here):
    for keep, count in ((False, 0), (True, 1)):
        source = HfDataset(dataset="fineweb", max_files=1, keep_files=keep, endpoint=fineweb.base)
        (part,) = source.partitions(here)
        assert len(list(source.records(part, here))) == 3
        assert len([path for path in here.cache.rglob("*.parquet*") if path.is_file()]) == count
    asked = len(fineweb.seen)
    assert len(list(source.records(part, here))) == 3
    assert len(fineweb.seen) == asked


def test_files_stay_within_the_size(fineweb, here):
    fineweb.datasets["HuggingFaceFW/fineweb"]["sample/10BT/001.parquet"] = b"PAR1" + bytes(1_500_000)
    source = HfDataset(dataset="fineweb", max_mb=1, endpoint=fineweb.base)
    assert [part.items[1] for part in source.partitions(here)] == ["sample/10BT/000.parquet"]
    with pytest.raises(StepError, match=r"001\.parquet alone has 1\.5 MB; raise max_mb=1"):
        HfDataset(dataset="fineweb", files=("*/001.parquet",), max_mb=1, endpoint=fineweb.base).partitions(here)


def test_a_bad_day_is_survived(fineweb, here):
    name = "HuggingFaceFW/fineweb"
    fineweb.faults[f"/api/datasets/{name}/revision/main"] = [429, 503]
    fineweb.faults[f"/{name}/sample/10BT/000.parquet"] = [CUT]
    source = HfDataset(dataset="fineweb", max_files=1, endpoint=fineweb.base)
    (part,) = source.partitions(here)
    assert len(list(source.records(part, here))) == 3
    ranges = [headers.get("range") for headers in fineweb.asked("000.parquet", host="storage")]
    assert ranges[0] is None
    assert ranges[1] is not None


def test_bytes_other_than_stated_are_refused(fineweb, here):
    source = HfDataset(dataset="fineweb", max_files=1, endpoint=fineweb.base)
    (part,) = source.partitions(here)
    files = fineweb.datasets["HuggingFaceFW/fineweb"]
    files["sample/10BT/000.parquet"] = files["sample/10BT/000.parquet"][:-1] + b"x"
    with pytest.raises(StepError, match=r"expected sha256 .* run the same command again"):
        list(source.records(part, here))
    assert not list(here.cache.rglob("000.parquet"))


def test_a_gated_set_says_what_is_missing_and_the_token_stays_with_the_hub(hub, here, monkeypatch, tmp_path):
    rows = [
        {
            "content": "x = 1",
            "id": "1",
            "max_stars_repo_name": "a/b",
            "max_stars_repo_path": "x.py",
            "max_stars_count": 3,
        }
    ]
    hub.datasets["bigcode/starcoderdata"] = {"python/a.parquet": parquet(rows), "ada/a.parquet": parquet(rows)}
    source = HfDataset(dataset="starcoderdata", endpoint=hub.base)
    with pytest.raises(FetchError, match="restricted; it is gated, private, or not there: set HF_TOKEN"):
        source.partitions(here)
    assert "cannot be had now" in source.plan(here)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    (document,) = check_source(source, here).records
    assert (document.text, document.domain, document.license) == ("x = 1", "code", "unknown")
    assert any("authorization" in headers for headers in hub.asked("/resolve/"))
    assert hub.asked("", host="storage")
    assert not any("authorization" in headers for headers in hub.asked("", host="storage"))
    written = [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert written == []


def test_any_data_set_by_its_card_and_columns(hub, here):
    rows = [{"body": "Some text", "m": {"lic": ["mit", "apache-2.0"]}}, {"body": None, "m": {"lic": []}}]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    hub.datasets["me/mine"] = {"x/train-0.jsonl.gz": gzip.compress(lines), "x/test-0.jsonl.gz": gzip.compress(lines)}
    data_files = [{"split": "train", "path": "x/train-*"}, {"split": "test", "path": ["x/test-*"]}]
    hub.facts["me/mine"] = {"license": "cc0-1.0", "configs": [{"config_name": "default", "data_files": data_files}]}
    source = HfDataset(dataset="me/mine", domain="text", text="body", license_column="m.lic", endpoint=hub.base)
    found = check_source(source, here)
    (document,) = found.records
    assert document.license == "Apache-2.0 AND MIT"
    assert document.meta["license_evidence"] == "column m.lic: mit, apache-2.0"
    assert [reject.locator for reject in found.rejects] == ["me/mine/x/train-0.jsonl.gz:2"]
    test = HfDataset(dataset="me/mine", split="test", domain="text", text="body", endpoint=hub.base)
    assert [part.items[1] for part in test.partitions(here)] == ["x/test-0.jsonl.gz"]
    with pytest.raises(StepError, match="no file matches"):
        HfDataset(dataset="me/mine", files=("*.parquet",), domain="text", endpoint=hub.base).partitions(here)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "the-stack-v2"}, "holds the Software Heritage ids.*the-stack-v2-open"),
        ({"dataset": "bigcode/the-stack-v2-dedup"}, "not the files"),
        ({"dataset": "wiki"}, "dataset is owner/name, or one of fineweb"),
        ({"dataset": "me/mine"}, "is no preset: say domain"),
        ({"dataset": "fineweb", "max_mb": -1}, "0 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        HfDataset(**options)


@pytest.mark.parametrize(
    ("stated", "expression"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("odc-by", "ODC-By-1.0"),
        ("gpl-3.0", "GPL-3.0-only"),
        ("cc-by-sa-4.0", "CC-BY-SA-4.0"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        (["MIT", "BSD-3-Clause"], "BSD-3-Clause AND MIT"),
        (["mit", "MIT"], "MIT"),
        (["MIT", "other"], "unknown"),
        ("llama3", "unknown"),
        ("cc", "unknown"),
        ([], "unknown"),
        (None, "unknown"),
        (7, "unknown"),
    ],
)
def test_licences_of_the_hub(stated, expression):
    assert hub_license(stated)[0] == expression
