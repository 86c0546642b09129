"""What an export may hold: licences and providers, down to the shard."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.cli.build import _limited
from forge.diversity import effective_number
from forge.engine.balance import verify_licences
from forge.engine.build import build
from forge.engine.mix import Pool, choose
from forge.engine.session import Session
from forge.errors import CorpusError, RecipeError
from forge.manifest import read_manifest
from forge.recipe import ExportTable
from forge.shards import open_shard

OpenSession = Callable[..., Session]

SOURCE = """
[[source]]
name = "notes"
label = "LABEL"
path = "LABEL"
domain = "agent"
license = "LICENCE"
provider = "PROVIDER"
"""
HEAD = 'seed = 5\n[tokenizer]\nname = "bpe"\nvocab_size = 300\n'
EXPORT = '[export.main]\nmix = "1:0:0"\nshard_tokens = 2000\n'


def recipe(root: Path, sources: dict[str, tuple[str, str, int]], limits: str = "") -> str:
    """A recipe over notes: label to licence, provider and number of documents."""
    text = HEAD
    for label, (licence, provider, documents) in sources.items():
        (root / label).mkdir(exist_ok=True)
        lines = [f"a note of {label} that has the number {number}" for number in range(documents)]
        (root / label / "all.txt").write_text("\n".join(lines))
        text += SOURCE.replace("LABEL", label).replace("LICENCE", licence).replace("PROVIDER", provider)
    return text + EXPORT + limits


def in_shards(folder: Path, column: str) -> Counter[str]:
    """Tokens in the shards by a column of their sidecars, counted in the shards themselves."""
    found: Counter[str] = Counter()
    for path in sorted(folder.glob("shard-*.documents.parquet")):
        shard = open_shard(path.with_name(path.name.removesuffix(".documents.parquet")))
        for name, tokens in zip(pq.read_table(path).column(column).to_pylist(), shard.lengths.tolist(), strict=True):
            found[name] += tokens
    return found


FREE = ("MIT", "a.example", 40)
MIXED = {"free": FREE, "shared": ("MIT OR GPL-3.0-only", "b.example", 40), "closed": ("unknown", "c.example", 40)}


def test_licences_are_honoured_down_to_the_shard(open_session: OpenSession, tmp_path: Path) -> None:
    session = open_session(recipe(tmp_path, MIXED, 'allow_licences = ["permissive"]\n'))
    (made,) = build(session, exports=session.recipe.exports)
    assert set(in_shards(made.folder, "license")) == {"MIT", "MIT OR GPL-3.0-only"}
    assert [count.name for count in made.manifest.limits.withheld] == ["unknown"]
    assert made.manifest.limits.withheld[0].documents == 40
    assert "Only these licences are allowed: `permissive`" in (made.folder / "README.md").read_text()
    verify_licences(made.folder, made.manifest)


def test_a_document_with_another_licence_is_found_in_the_shard(open_session: OpenSession, tmp_path: Path) -> None:
    session = open_session(recipe(tmp_path, MIXED, 'allow_licences = ["MIT"]\n'))
    (made,) = build(session, exports=session.recipe.exports)
    side = sorted(made.folder.glob("*.documents.parquet"))[0]
    table = pq.read_table(side)
    column = pa.array(["CC-BY-NC-4.0", *table.column("license").to_pylist()[1:]])
    pq.write_table(table.set_column(table.schema.get_field_index("license"), "license", column), side)
    with pytest.raises(CorpusError, match=r"CC-BY-NC-4\.0, which the export does not allow"):
        verify_licences(made.folder, made.manifest)


def test_a_changed_list_makes_another_export(open_session: OpenSession, tmp_path: Path) -> None:
    first = open_session(recipe(tmp_path, MIXED, 'allow_licences = ["MIT"]\n'))
    keys = {build(first, exports=first.recipe.exports)[0].manifest.recipe_hash}
    second = open_session(recipe(tmp_path, MIXED))
    (made,) = build(second, exports=second.recipe.exports)
    assert made.written
    assert made.manifest.recipe_hash not in keys
    assert read_manifest(made.folder).limits.allow_licences is None


def test_no_allowed_document_is_one_clear_line(open_session: OpenSession, tmp_path: Path) -> None:
    session = open_session(recipe(tmp_path, MIXED, 'allow_licences = ["ISC"]\n'))
    with pytest.raises(CorpusError, match="no document has an allowed licence; there are MIT"):
        build(session, exports=session.recipe.exports)


@pytest.mark.parametrize(
    "limits", ['allow_licences = ["GPL3"]', "max_share_per_provider = 0", 'allow_licences = "MIT"']
)
def test_limits_that_are_none_are_refused(open_session: OpenSession, tmp_path: Path, limits: str) -> None:
    with pytest.raises(RecipeError, match=r"export\.main"):
        open_session(recipe(tmp_path, MIXED, limits + "\n"))


LARGE = {"big": ("MIT", "big.example", 600), **{f"p{n}": ("MIT", f"p{n}.example", 60) for n in range(6)}}


def test_no_provider_passes_its_cap_in_the_shards(open_session: OpenSession, tmp_path: Path) -> None:
    session = open_session(recipe(tmp_path, LARGE, "max_share_per_provider = 0.2\n"))
    (made,) = build(session, exports=session.recipe.exports)
    tokens = in_shards(made.folder, "provider")
    assert max(tokens.values()) <= 0.2 * sum(tokens.values())
    assert tokens["big.example"] > 0.19 * sum(tokens.values())  # the cap is used, not only kept
    assert made.manifest.providers[0].name == "big.example"
    assert made.manifest.effective_providers == pytest.approx(effective_number(tokens.values()))


def test_a_share_of_nothing_is_refused_on_the_command_line_too() -> None:
    table = ExportTable(mix="1:0:0")
    with pytest.raises(RecipeError, match="expected a share above 0"):
        _limited({"main": table}, {"mix": None, "allow_licences": [], "max_share_per_provider": 0.0})
    assert _limited({"main": table}, {"mix": None, "allow_licences": None, "max_tokens": None}) == {"main": table}


def test_a_provider_gives_what_fits_its_part() -> None:
    """A long document does not end what its provider gives: shorter ones behind it still fit."""
    sizes = [("a", 90), *[("a", 1)] * 60, *[(name, 10) for name in "bcdefghi" for _ in range(5)]]
    for seed in range(20):
        pool = Pool(
            ids=[f"d{n}" for n in range(len(sizes))],
            domains=["agent"] * len(sizes),
            tokens=np.array([size for _, size in sizes], np.int64),
            providers=[name for name, _ in sizes],
        )
        chosen = choose(pool, shares={"agent": 1.0}, max_tokens=None, seed=seed, provider_cap=0.125)
        assert int(pool.tokens[chosen].sum()) == 457  # eight of 50 tokens, and an eighth from the first


def test_without_a_cap_everything_is_taken(open_session: OpenSession, tmp_path: Path) -> None:
    session = open_session(recipe(tmp_path, LARGE))
    (made,) = build(session, exports=session.recipe.exports)
    assert made.manifest.documents == 960


def test_too_few_providers_for_the_cap_are_named(open_session: OpenSession, tmp_path: Path) -> None:
    session = open_session(recipe(tmp_path, {"one": FREE}, "max_share_per_provider = 0.5\n"))
    with pytest.raises(CorpusError, match="too few providers; raise it to 1 or more"):
        build(session, exports=session.recipe.exports)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 50)), min_size=200, max_size=600),
    st.floats(0.15, 0.9),
    st.integers(0, 2**32),
)
def test_a_cap_holds_for_any_sizes_and_wastes_little(sizes: list[tuple[str, int]], cap: float, seed: int) -> None:
    pool = Pool(
        ids=[f"d{n}" for n in range(len(sizes))],
        domains=["agent"] * len(sizes),
        tokens=np.array([size for _, size in sizes], np.int64),
        providers=[name if name != "a" else "" for name, _ in sizes],
    )
    chosen = choose(pool, shares={"agent": 1.0}, max_tokens=None, seed=seed, provider_cap=cap).tolist()
    given_tokens: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for index, (name, size) in enumerate(sizes):
        there[name] += size
        given_tokens[name] += size if index in set(chosen) else 0
    total = sum(given_tokens.values())
    assert all(tokens <= cap * total for name, tokens in given_tokens.items() if name != "a")
    # Nobody could have given more than everything, nor a capped one more than its part.
    most = sum(tokens if name == "a" else min(tokens, cap * sum(there.values())) for name, tokens in there.items())
    assert total <= most
    if all(tokens <= cap * sum(there.values()) for name, tokens in there.items() if name != "a"):
        assert total == sum(there.values())


def test_the_order_of_the_pool_does_not_matter_under_a_cap() -> None:
    names = ["a", "a", "a", "b", "c", "d"] * 50
    pool = Pool(
        ids=[f"d{n}" for n in range(300)],
        domains=["agent"] * 300,
        tokens=np.arange(300) % 17 + 1,
        providers=names,
    )
    turned = Pool(ids=pool.ids[::-1], domains=pool.domains, tokens=pool.tokens[::-1], providers=names[::-1])
    picks = [
        [each.ids[i] for i in choose(each, shares={"agent": 1.0}, max_tokens=None, seed=3, provider_cap=0.3)]
        for each in (pool, turned)
    ]
    assert picks[0] == picks[1]


@pytest.mark.parametrize(("sizes", "number"), [([1, 1, 1, 1], 4.0), ([5], 1.0), ([], 0.0), ([0, 3], 1.0)])
def test_effective_number(sizes: list[int], number: float) -> None:
    assert effective_number(sizes) == pytest.approx(number)
