"""Data sets of the Hugging Face hub that are known by a short name, with what their columns mean.

Cost: none; data only. Source: the data sets' cards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from forge.records import UNKNOWN_LICENSE, Domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What `HfDataset` takes where an option is left empty.

    Attributes:
        dataset: ``owner/name`` on the hub. files: globs over its paths; ``{config}`` stands for the option config.
        config: the configuration where none is given.
        text, id, url, license_column, meta: columns. license, evidence: where no column says.
        gated: whether the hub wants a token and accepted terms.
    """

    dataset: str
    files: tuple[str, ...]
    config: str
    domain: Domain
    kind: str
    text: str
    id: str = ""
    url: str = ""
    license_column: str = ""
    license: str = UNKNOWN_LICENSE
    evidence: str = ""
    meta: tuple[str, ...] = ()
    gated: bool = False


_WEB_META = ("dump", "date", "language", "language_score", "token_count")

PRESETS: Mapping[str, Preset] = {
    "fineweb": Preset(
        dataset="HuggingFaceFW/fineweb",
        files=("sample/{config}/*.parquet", "data/{config}/*.parquet"),
        config="10BT",
        domain="text",
        kind="web",
        text="text",
        id="id",
        url="url",
        meta=_WEB_META,
    ),
    "fineweb-edu": Preset(
        dataset="HuggingFaceFW/fineweb-edu",
        files=("sample/{config}/*.parquet", "data/{config}/*.parquet"),
        config="10BT",
        domain="text",
        kind="web",
        text="text",
        id="id",
        url="url",
        meta=(*_WEB_META, "score"),
    ),
    "wikipedia": Preset(
        dataset="wikimedia/wikipedia",
        files=("{config}/*.parquet",),
        config="20231101.en",
        domain="text",
        kind="prose",
        text="text",
        id="id",
        url="url",
        license="CC-BY-SA-3.0",
        evidence="data set card: license: cc-by-sa-3.0, gfdl (the reader may choose one)",
        meta=("title",),
    ),
    "starcoderdata": Preset(
        dataset="bigcode/starcoderdata",
        files=("{config}/*.parquet",),
        config="python",
        domain="code",
        kind="code",
        text="content",
        id="id",
        meta=("max_stars_repo_name", "max_stars_repo_path", "max_stars_count"),
        gated=True,
    ),
    "the-stack": Preset(
        dataset="bigcode/the-stack-dedup",
        files=("data/{config}/*.parquet",),
        config="python",
        domain="code",
        kind="code",
        text="content",
        id="hexsha",
        license_column="max_stars_repo_licenses",
        meta=("lang", "max_stars_repo_name", "max_stars_repo_path", "max_stars_count"),
        gated=True,
    ),
    "the-stack-v2-open": Preset(
        dataset="common-pile/stackv2",
        files=("documents/*.gz",),
        config="",
        domain="code",
        kind="code",
        text="text",
        id="id",
        license_column="metadata.license",
        meta=("source", "created", "metadata"),
    ),
}

POINTERS: Mapping[str, str] = dict.fromkeys(
    (
        "the-stack-v2",
        "bigcode/the-stack-v2",
        "bigcode/the-stack-v2-dedup",
        "bigcode/the-stack-v2-train-full-ids",
        "bigcode/the-stack-v2-train-smol-ids",
    ),
    "holds the Software Heritage ids of files, not the files, which are to be had in bulk by agreement with Software "
    "Heritage only; sets that hold the code itself: the-stack-v2-open (its openly licensed part, common-pile/stackv2), "
    "the-stack (version 1, gated), starcoderdata (version 1 filtered, gated)",
)
"""Data sets without contents, and what to say of them."""
