"""Filter ``api-schema``: drops documents that show a call which its own documentation forbids.

What counts as a call: a JSON object with ``name`` and ``arguments`` that begins a line (dialogues, tool schemas with an
example). Its schema is that of the API which the document names (``meta.api``) as the catalogue has it, and else that
of the tool of this name which the document itself offers. A page of documentation is also held to the catalogue's
examples of its API: one that breaks the schema, and is shown, drops the page. Where there is nothing to check, a
document stays.

``prepare`` copies the schemas of the APIs that the corpus names out of the catalogue into one Arrow file, which workers
map; without a catalogue documents are held to the tools that they offer. Some 30 microseconds a call, and about as much
for a schema that is seen for the first time. No reference is followed out of a schema, and no format is checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import orjson

from forge.files import atomic_path
from forge.records import Document, to_json
from forge.steps import Canary, Context, Corpus, Verdicts, canary_text, option
from forge_filters.api_schema_calls import BREAKS, Own, judged_text

if TYPE_CHECKING:
    import pyarrow as pa

STATE_FILE = "schemas.arrow"
MOST_EXAMPLES = 4
VALID, INVALID, UNCHECKED = 1.0, 0.0, 0.5
_ID = r'"api":"(?P<api>[0-9a-f]{32})"'


@dataclass(frozen=True, kw_only=True)
class ApiSchema:
    """Keeps documents whose calls agree with their schemas."""

    name: ClassVar[str] = "api-schema"
    columns: ClassVar[tuple[str, ...]] = ("text", "kind", "meta")
    reads_catalog: ClassVar[bool] = True

    kinds: list[str] = option(
        ["dialogue", "api_doc", "trajectory"], help="kinds of documents that are judged; others stay"
    )
    strict: bool = option(True, help="an argument that the schema does not name breaks it")

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        """Copy the schemas that the corpus needs; None without a catalogue."""
        if context.catalog is None:
            return None
        import pyarrow as pa

        wanted = _named(corpus)
        schema = pa.schema([("api", pa.string()), ("parameters", pa.string()), ("examples", pa.string())])
        with (
            atomic_path(context.scratch / STATE_FILE) as fresh,
            pa.OSFile(str(fresh), "wb") as file,
            pa.ipc.new_file(file, schema) as writer,
        ):
            for bucket in context.catalog.buckets():
                rows = [
                    {
                        "api": record.id,
                        "parameters": to_json(record.parameters),
                        "examples": to_json(list(record.examples)[:MOST_EXAMPLES]),
                    }
                    for record in context.catalog.read(bucket)
                    if record.id in wanted
                ]
                if rows:
                    writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))
        return context.scratch

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """Score 1.0 where every call agrees, 0.0 where one does not, 0.5 where there is nothing to check."""
        import pyarrow as pa
        import pyarrow.compute as pc

        judged = pc.is_in(batch.column("kind"), pa.array(self.kinds, pa.string())).fill_null(False)
        rows = pc.indices_nonzero(judged).to_pylist()
        apis = pc.struct_field(pc.extract_regex(batch.column("meta").filter(judged), _ID), "api").to_pylist()
        owns = _owns(apis, state)
        reasons: list[str | None] = [None] * batch.num_rows
        scores = [UNCHECKED] * batch.num_rows
        for row, api in zip(rows, apis, strict=True):
            text, meta = batch.column("text")[row].as_py() or "", batch.column("meta")[row].as_py() or "{}"
            reason, checked = judged_text(text, orjson.loads(meta).get("loss_spans"), owns.get(api), strict=self.strict)
            reasons[row] = reason
            scores[row] = INVALID if reason else VALID if checked else UNCHECKED
        reason = pa.array(reasons, pa.string())
        return Verdicts(keep=pc.is_null(reason), score=pa.array(scores, pa.float64()), reason=reason)

    def canaries(self, seed: int) -> Sequence[Canary]:
        """A dialogue whose call breaks the tool that it offers, and one whose call does not."""
        kind = self.kinds[0] if self.kinds else "dialogue"
        number = seed % 1000

        def document(name: str, days: object) -> Document:
            schema = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}
            offer = to_json(
                {"name": "forecast", "description": canary_text(seed, name, words=12), "parameters": schema}
            )
            call = to_json({"name": "forecast", "arguments": {"days": days}})
            text = f"Tools:\n{offer}\nUser: {canary_text(seed, name + ' asked', words=12)}\nAssistant:\n{call}"
            return Document(id=name, domain="agent", kind=kind, text=text, source="canary")

        breaks = Canary(name=BREAKS, documents=[document("breaks", f"{number} days")], dropped=["breaks"])
        return [breaks, Canary(name="call agrees", documents=[document("agrees", number)], kept=["agrees"])]


def _named(corpus: Corpus) -> frozenset[str]:
    """The ids of the APIs that the corpus's documents name."""
    import pyarrow.compute as pc

    found: set[str] = set()
    for batch in corpus.batches(["meta"]):
        found.update(pc.struct_field(pc.extract_regex(batch.column("meta"), _ID), "api").drop_null().to_pylist())
    return frozenset(found)


def _owns(apis: Sequence[str | None], state: Path | None) -> dict[str | None, Own]:
    """What the catalogue says of the APIs, by id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = sorted({api for api in apis if api is not None})
    if state is None or not wanted:
        return {}
    with pa.memory_map(str(state / STATE_FILE)) as file, pa.ipc.open_file(file) as reader:
        table = reader.read_all()
        found = table.filter(pc.is_in(table.column("api"), pa.array(wanted, pa.string()))).to_pylist()
    return {row["api"]: Own(parameters=row["parameters"], examples=row["examples"]) for row in found}
