"""What plugin authors test with: a context without a network, and checks of the rules that every step keeps.

    def test_my_source(tmp_path):
        found = check_source(MySource(path="tools.jsonl"), context(tmp_path))
        assert len(found.records) == 3

A check raises `PluginError` that says which rule is broken and on what; it needs no test framework. Checks run the step
several times over, so give them a small sample. Importing costs the contracts; pyarrow is imported by the checks.
"""

from forge.testing.fakes import MemoryCatalog, MemoryCorpus, OfflineHttp, context, documents
from forge.testing.filters import check_filter
from forge.testing.sources import Found, check_source

__all__ = [
    "Found",
    "MemoryCatalog",
    "MemoryCorpus",
    "OfflineHttp",
    "check_filter",
    "check_source",
    "context",
    "documents",
]
