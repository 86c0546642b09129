"""The source `files` on files made here, in all formats, whole and broken."""

import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from forge.errors import StepError
from forge.records import Reject
from forge.testing import check_source, context
from forge_sources.rows.source import Files

ROWS = [
    {"text": f"text {number}", "lang": "en", "lic": "apache-2.0", "at": {"url": f"http://h/{number}"}}
    for number in range(5)
]


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def texts(found):
    return [record.text for record in found.records]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rows.jsonl", jsonl(ROWS)),
        ("rows.ndjson", jsonl(ROWS).rstrip(b"\n")),
        ("rows.jsonl.gz", gzip.compress(jsonl(ROWS[:2])) + gzip.compress(jsonl(ROWS[2:]))),
        ("rows.jsonl.zst", zstandard.compress(jsonl(ROWS[:3])) + zstandard.compress(jsonl(ROWS[3:]))),
        ("part-0.gz", gzip.compress(jsonl(ROWS))),
        ("rows.json", json.dumps(ROWS, indent=2).encode()),
        ("lines.json", jsonl(ROWS)),
        ("rows.json.zst", zstandard.compress(json.dumps(ROWS).encode())),
    ],
)
def test_rows_of_every_format_become_documents(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    source = Files(paths=(name,), url="at.url", license_column="lic", meta=("lang", "absent"))
    found = check_source(source, context(tmp_path))
    assert not found.rejects
    assert texts(found) == [row["text"] for row in ROWS]
    document = found.records[3]
    assert (document.domain, document.kind, document.url, document.license) == (
        "text",
        "prose",
        "http://h/3",
        "Apache-2.0",
    )
    evidence = "column lic: apache-2.0"
    assert document.meta == {"lang": "en", "locator": f"{name}:4", "license_evidence": evidence}


def test_parquet_is_cut_by_row_groups(tmp_path):
    rows = [{"body": f"{number} " + "x" * 3000, "more": {"lic": ["MIT", "Apache-2.0"]}} for number in range(900)]
    pq.write_table(
        pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=100, compression="none", use_dictionary=False
    )
    source = Files(paths=("*.parquet",), text="body", license_column="more.lic", domain="code", split_rows_mb=1)
    found = check_source(source, context(tmp_path))
    assert len(found.partitions) > 1
    assert texts(found) == [row["body"] for row in rows]
    assert {record.license for record in found.records} == {"Apache-2.0 AND MIT"}
    assert found.records[-1].meta["locator"] == "a.parquet:900"
    first = check_source(Files(paths=("a.parquet",), text="body", limit=150, split_rows_mb=1), context(tmp_path))
    assert len(first.records) == 150


def test_a_parquet_file_without_the_column_says_what_it_has(tmp_path):
    pq.write_table(pa.table({"content": ["x"]}), tmp_path / "a.parquet")
    (reject,) = check_source(Files(paths=("a.parquet",)), context(tmp_path)).rejects
    assert reject == Reject(locator="a.parquet", reason="has no column text; it has content")


def test_a_large_jsonl_file_is_cut_at_lines_and_numbers_go_on(tmp_path):
    rows = [{"text": f"{number} " + "y" * 900} for number in range(3000)]
    (tmp_path / "big.jsonl").write_bytes(jsonl(rows) + b"not json\n")
    source = Files(paths=("big.jsonl",), split_rows_mb=1)
    found = check_source(source, context(tmp_path))
    assert len(found.partitions) == 3
    assert texts(found) == [row["text"] for row in rows]
    assert [record.meta["locator"] for record in found.records] == [f"big.jsonl:{number}" for number in range(1, 3001)]
    assert [reject.locator for reject in found.rejects] == ["big.jsonl:3001"]
    limited = check_source(Files(paths=("big.jsonl",), split_rows_mb=1, limit=2000), context(tmp_path))
    assert texts(limited) == [row["text"] for row in rows[:2000]]


def test_a_file_that_grew_keeps_its_first_slices(tmp_path):
    rows = jsonl({"text": f"{number} " + "y" * 900} for number in range(3000))
    (tmp_path / "big.jsonl").write_bytes(rows)
    source = Files(paths=("big.jsonl",), split_rows_mb=1)
    before = source.partitions(context(tmp_path))
    (tmp_path / "big.jsonl").write_bytes(rows + jsonl([{"text": "one more"}]))
    after = source.partitions(context(tmp_path))
    assert [part.fingerprint for part in after[:-1]] == [part.fingerprint for part in before[:-1]]
    assert after[-1].fingerprint != before[-1].fingerprint


def test_what_cannot_be_read_is_a_reject_with_its_line(tmp_path):
    lines = [
        b'{"text": "good"}',
        b"{broken",
        b'{"text": "\xff"}',
        b'{"text": 7}',
        b'{"text": " "}',
        b"[1]",
        b'{"body": "x"}',
        b"",
    ]
    (tmp_path / "bad.jsonl").write_bytes(b"\n".join([*lines, b'{"text": "last"}']))
    found = check_source(Files(paths=("bad.jsonl",)), context(tmp_path))
    assert texts(found) == ["good", "last"]
    reasons = {reject.locator: reject.reason for reject in found.rejects}
    assert list(reasons) == [f"bad.jsonl:{number}" for number in range(2, 8)]
    assert reasons["bad.jsonl:2"].startswith("not JSON: ")
    assert reasons["bad.jsonl:3"].startswith("not JSON: ")
    assert reasons["bad.jsonl:4"] == "text is a number, not text"
    assert reasons["bad.jsonl:5"] == "text is empty"
    assert reasons["bad.jsonl:6"] == "the row is a list, not an object with columns"
    assert reasons["bad.jsonl:7"] == "has no column text; it has body"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_that_ends_early_gives_its_rows_and_a_reject(tmp_path, pack):
    import random

    draw = random.Random(0)
    rows = [{"text": draw.randbytes(200).hex()} for _ in range(5000)]
    data = pack(jsonl(rows))
    (tmp_path / "cut.jsonl.gz").write_bytes(data[: len(data) // 2])
    found = check_source(Files(paths=("cut.jsonl.gz",)), context(tmp_path))
    assert 1000 < len(found.records) < 5000
    assert found.records[0].text == rows[0]["text"]
    assert "cannot be read from here on" in found.rejects[-1].reason


@pytest.mark.parametrize(("name", "pack"), [("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstandard.compress)])
def test_a_bomb_is_a_reject_and_is_left_alone(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(b'{"text": "ok"}\n') + pack(b"[" * 50_000_000) + pack(b'\n{"text": "after"}\n'))
    found = check_source(Files(paths=(name,), max_document_mb=1), context(tmp_path))
    assert texts(found) == ["ok"]
    assert [reject.reason for reject in found.rejects] == [
        "the row is larger than 1 MB",
        "the row goes on for more than 32 MB; the rest of the file is left unread",
    ]


def test_a_long_row_is_passed_over(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(jsonl([{"text": "x" * 1_500_000}, {"text": "next"}]))
    (tmp_path / "b.json").write_bytes(json.dumps([{"text": "x" * 1_500_000}, {"text": "next"}]).encode())
    found = check_source(Files(paths=("*.json*",), max_document_mb=1), context(tmp_path))
    assert sorted(record.meta["locator"] for record in found.records) == ["a.jsonl:2", "b.json:2"]
    assert {reject.locator for reject in found.rejects} == {"a.jsonl:1", "b.json:1"}


def test_text_files_are_documents_and_html_is_reduced(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("x = 1\n")
    (tmp_path / "src" / "b.bin").write_bytes(b"\x00\x01")
    (tmp_path / "src" / ".hidden").write_text("no")
    (tmp_path / "p.html").write_text("<nav>menu</nav><main><p>What the page is really about, at length.</p></main>")
    found = check_source(Files(paths=("src",), domain="code"), context(tmp_path))
    (document,) = found.records
    assert (document.text, document.url, document.kind) == ("x = 1\n", "src/a.py", "code")
    assert document.meta == {"path": "src/a.py", "language": "python"}
    assert found.rejects == [Reject(locator="src/b.bin", reason="is not UTF-8 text")]
    page = check_source(Files(paths=("p.html",), license="MIT", license_evidence="said so"), context(tmp_path)).records[
        0
    ]
    assert page.text == "What the page is really about, at length."
    assert (page.license, page.meta["license_evidence"]) == ("MIT", "said so")


def test_labels_do_not_depend_on_the_machine(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place / "data").mkdir(parents=True)
        (tmp_path / place / "data" / "a.jsonl").write_bytes(jsonl(ROWS))
    (tmp_path / "work").mkdir()
    ids = [
        [
            record.id
            for record in check_source(
                Files(paths=(str(tmp_path / place / "data" / "*"),)), context(tmp_path / "work")
            ).records
        ]
        for place in ("one", "two")
    ]
    assert ids[0] == ids[1]
    both = tuple(str(tmp_path / place / "data" / "*.jsonl") for place in ("one", "two"))
    with pytest.raises(StepError, match=r"would both be called data/a\.jsonl"):
        Files(paths=both).partitions(context(tmp_path / "work"))


def test_plan_counts_and_a_pattern_without_files_is_an_error(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(jsonl(ROWS))
    assert Files(paths=("*.jsonl",)).plan(context(tmp_path)) == "reads 1 files of 0.0 MB in all; fetches nothing"
    with pytest.raises(StepError, match=r"no file matches '\*.csv'"):
        Files(paths=("*.csv",)).partitions(context(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "paths is empty"),
        ({"paths": ("a",), "format": "csv"}, "format is one of"),
        ({"paths": ("a",), "license": "MIT"}, "needs license_evidence"),
        ({"paths": ("a",), "split_rows_mb": 0}, "1 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Files(**options)


MEASURE = """
import sys
from pathlib import Path
from forge.testing import context
from forge_sources.rows.source import Files
here = context(Path(sys.argv[1]))
source = Files(paths=(sys.argv[2],), split_rows_mb=1000)
count = sum(1 for part in source.partitions(here) for _ in source.records(part, here))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(count, int(peak.split()[1]) // 1000)
"""


def write_large(path, *, megabytes, form):
    text = "All work and no play makes a long document. " * 70
    rows = [{"text": f"{number} {text}"} for number in range(megabytes * 1_000_000 // 3100)]
    if form == "parquet":
        pq.write_table(
            pa.Table.from_pylist(rows), path, row_group_size=10_000, use_dictionary=False, compression="zstd"
        )
    else:
        data = json.dumps(rows).encode() if form == "json" else jsonl(rows)
        path.write_bytes(zstandard.compress(data) if path.suffix == ".zst" else data)
    return len(rows)


@pytest.mark.parametrize("megabytes", [40, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst", "a.json", "a.parquet"])
def test_a_large_file_is_never_held_whole(tmp_path, megabytes, name):
    count = write_large(tmp_path / name, megabytes=megabytes, form=name.split(".")[1])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path), name], capture_output=True, text=True, check=True
    )
    read, peak = map(int, done.stdout.split())
    assert read == count
    assert peak < (400 if megabytes == 300 else 250), f"{peak} MB"
