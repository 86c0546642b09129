"""The corpus of the near-dedup and linear-cost benchmarks: real documents, a tenth of them copied with edits."""

import argparse
import io
import json
import random
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUFFIXES = {".py", ".pyi", ".rst", ".txt", ".md", ".ts", ".js", ".c", ".h", ".html", ".yml"}
RATES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08)
SEED = 2502


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Files of an archive, by name."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            yield from ((info.filename, opened.read(info)) for info in opened.infolist() if not info.is_dir())
        return
    if archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        stream: Any = io.BytesIO(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    else:
        stream = archive.open("rb")
    with stream, tarfile.open(fileobj=stream) as tar:
        for member in tar:
            if member.isfile() and (file := tar.extractfile(member)) is not None:
                yield member.name, file.read()


def file_texts(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(kind, domain, text) of the documentation and source files under ``folder``, deterministic in order."""
    archives = sorted(path for path in folder.rglob("*") if path.suffix in {".gz", ".tgz", ".whl", ".deb"})
    for archive in archives:
        for name, raw in members(archive):
            suffix = Path(name).suffix
            if suffix not in SUFFIXES or not 200 <= len(raw) <= 200_000:
                continue
            text = raw.decode("utf-8", "ignore")
            if suffix == ".html":
                text = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
            yield ("code", "code", text) if suffix in {".py", ".ts", ".js", ".c", ".h"} else ("prose", "text", text)


def api_texts(workspace: Path) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """API documents of a workspace's records, rendered as the forge renders them."""
    import pyarrow.parquet as pq

    from forge.records import ApiRecord, from_row
    from forge_trajectories.api_text import ApiText

    seen: set[str] = set()
    for path in sorted((workspace / ".forge" / "corpus").rglob("*.apis.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(256):
            for row in batch.to_pylist():
                if row["id"] not in seen:
                    seen.add(row["id"])
                    document = next(iter(ApiText().render(from_row(ApiRecord, row))))
                    yield document.kind, document.domain, document.text, dict(document.meta)


def edited(text: str, rate: float, rng: random.Random) -> str:
    """The text with a share of its words replaced, dropped or doubled."""
    parts = re.split(r"(\s+)", text)
    for place in range(0, len(parts), 2):
        if parts[place] and rng.random() < rate:
            parts[place] = rng.choice(("changed", "", f"{parts[place]} {parts[place]}", f"x{rng.randrange(1000)}"))
    return "".join(parts)


def build_corpus(options: argparse.Namespace) -> Path:
    """Write ``corpus.parquet`` (id, text, kind, domain, meta, origin: row of the original or null), shuffled."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from forge.records import stable_id

    path: Path = options.work / f"corpus-{options.size_mb}.parquet"
    if path.is_file():
        return path
    if options.packages is None:
        raise SystemExit(
            f"{path} is missing: give --packages FOLDER (archives of documentation and source) to build it"
        )
    options.work.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SEED)
    wanted = options.size_mb * 1_000_000 * 0.9
    files = [(*entry, {}) for entry in file_texts(options.packages)]
    apis = list(api_texts(options.apis)) if options.apis else []
    originals: list[tuple[str, str, str, dict[str, Any]]] = []
    size = 0
    for group, share in ((apis, 0.3), (files, 1.0)):
        rng.shuffle(group)
        for entry in group:
            if size >= wanted * share:
                break
            originals.append(entry)
            size += len(entry[2].encode())
    rows = []
    for number, (kind, domain, text, meta) in enumerate(originals):
        rows.append((stable_id("original", str(number)), text, kind, domain, json.dumps(meta), None))
        if rng.random() < 0.1:
            copy = {**meta, "api": stable_id("copy", str(number)), "provider": "copy"} if meta else {}
            again = edited(text, rng.choice(RATES), rng)
            rows.append((stable_id("copy", str(number)), again, kind, domain, json.dumps(copy), rows[-1][0]))
    rng.shuffle(rows)
    names = ("id", "text", "kind", "domain", "meta", "origin")
    columns = {name: pa.array(column, pa.string()) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=2_000)
    return path


def head(path: Path, megabytes: int) -> Path:
    """The first megabytes of a corpus."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    out = path.with_name(f"{path.stem}-head-{megabytes}.parquet")
    if not out.is_file():
        sizes = pc.cumulative_sum(pc.cast(pc.binary_length(pq.read_table(path, columns=["text"])["text"]), "int64"))
        count = int((sizes.to_numpy() < megabytes * 1_000_000).sum())
        with pq.ParquetWriter(out, pq.read_schema(path), compression="zstd") as writer:
            for batch in pq.ParquetFile(path).iter_batches(2_000):
                if count <= 0:
                    break
                writer.write_batch(batch.slice(0, count))
                count -= len(batch)
    return out


def json_lines(corpus: Path) -> None:
    """The corpus beside itself as datatrove reads it, one JSON line a document, in a folder of its name."""
    import pyarrow.parquet as pq

    folder = corpus.with_suffix("")
    if not folder.is_dir():
        folder.mkdir()
        lines = (
            json.dumps(row) + "\n"
            for batch in pq.ParquetFile(corpus).iter_batches(1_000, columns=["id", "text"])
            for row in batch.to_pylist()
        )
        with (folder / "part.jsonl").open("w") as out:
            out.writelines(lines)


def text_megabytes(corpus: Path) -> float:
    """MB of UTF-8 of the texts."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    return float(pc.sum(pc.binary_length(pq.read_table(corpus, columns=["text"])["text"])).as_py()) / 1e6
