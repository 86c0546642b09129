"""Files of a repository as documents: text by their kind, code of examples as code. Cost: that of `markdown_text`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from forge.errors import StepError
from forge.records import Document, Reject, stable_id
from forge.steps import Context, Partition

if TYPE_CHECKING:
    from forge_sources.github_docs.source import GithubDocs

SOURCE = "github-docs"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What all files of a repository share; ``page`` and ``commit`` are empty where they are not known."""

    name: str
    page: str
    commit: str
    license: str
    evidence: str
    examples: bool = True

    def link(self, path: str) -> str:
        """The file's permanent address, or a locator where the repository has no page."""
        if self.page and self.commit:
            return f"{self.page}/blob/{self.commit}/{quote(path)}"
        return f"{self.name}:{path}"


def file_records(path: str, data: bytes, about: FileFacts) -> Iterator[Document | Reject]:
    """One document, or a `Reject` of a file that is no text; nothing of an empty one."""
    from forge_sources import markdown_text
    from forge_sources.html.tree import UnreadableHtml
    from forge_sources.packages.text import decoded, language_of

    ending = PurePosixPath(path).suffix.lower()
    locator = f"{about.name}:{path}"
    raw = decoded(data)
    if raw is None:
        yield Reject(locator=locator, reason="is not UTF-8 text")
        return
    is_code = ending not in (
        *markdown_text.MARKDOWN,
        *markdown_text.PLAIN,
        *markdown_text.HTML,
        markdown_text.NOTEBOOK,
        "",
    )
    title = ""
    try:
        text, title = (raw, "") if is_code else _text(ending, raw)
    except (markdown_text.UnreadableNotebook, UnreadableHtml) as error:
        yield Reject(locator=locator, reason=str(error))
        return
    if not text.strip():
        return
    meta = {
        "repository": about.name,
        "commit": about.commit,
        "path": path,
        "language": language_of(path),
        "title": title,
        "license_evidence": about.evidence,
    }
    yield Document(
        id=stable_id(SOURCE, about.name, path),
        domain="code" if is_code else "text",
        kind="code" if is_code else "api_doc",
        text=text,
        source=SOURCE,
        url=about.link(path),
        license=about.license,
        meta={name: value for name, value in meta.items() if value},
    )


def _text(ending: str, raw: str) -> tuple[str, str]:
    """The text of a documentation file, and its title."""
    from forge_sources import markdown_text
    from forge_sources.html import main as html_main
    from forge_sources.html import page as html_page
    from forge_sources.html import text as html_text
    from forge_sources.html import tree as html_tree

    if ending in markdown_text.HTML:
        root = html_tree.parse_text(raw)
        title = html_page.facts_of(root, "http://localhost/").title
        return html_text.text_of(html_main.clean(root)), title
    if ending == markdown_text.NOTEBOOK:
        text = markdown_text.notebook(raw.encode())
    else:
        text = markdown_text.markdown(raw) if ending in markdown_text.MARKDOWN else raw
    return text, markdown_text.title_of(text)


def local_partition(source: "GithubDocs", context: Context, *, key: str) -> Partition:
    """The local folder as one partition, by the content of its files; items are their paths.

    Raises:
        StepError: there is no such folder, or no documentation in it.
    """
    from forge.files import file_hash
    from forge_sources.github_docs.local import open_clone, walk
    from forge_sources.github_docs.source import wanted_files

    root = context.workspace / source.path
    if not root.is_dir():
        raise StepError(f"path={source.path}: there is no such folder", plugin=SOURCE, step="collect")
    clone = open_clone(root)
    marks, items, size = [clone.commit, clone.page, *_license_hashes(root)], [], 0
    for path, problem in walk(root, wanted_files(source.include, source.exclude, examples=source.examples)):
        file = root / path
        if not problem and file.stat().st_size > source.max_file_kb * 1000:
            continue
        items.append(f"!{path} {problem}" if problem else path)
        marks.append(problem or file_hash(file))
        size += 0 if problem else file.stat().st_size
        if len(items) >= source.max_files:
            break
    if not items:
        raise StepError(f"path={source.path}: no documentation in it; set include", plugin=SOURCE, step="collect")
    return Partition(key=key, fingerprint=stable_id(*marks, *items), items=tuple(items), size=size)


def local_records(source: "GithubDocs", partition: Partition, context: Context) -> Iterator[Document | Reject]:
    """The documents of the local folder, in the order of their paths."""
    from forge_sources.github_docs.local import open_clone
    from forge_sources.github_docs.source import license_of

    clone = open_clone(context.workspace / source.path)
    license_, evidence = license_of({path.name: path.read_bytes()[:200_000] for path in _license_files(clone.root)})
    about = FileFacts(name=clone.name, page=clone.page, commit=clone.commit, license=license_, evidence=evidence)
    for item in partition.items:
        if item.startswith("!"):
            path, _, problem = item[1:].partition(" a symbolic")
            yield Reject(locator=f"{clone.name}:{path}", reason=f"a symbolic{problem}")
            continue
        file = clone.root / item
        if any(
            parent.is_symlink()
            for parent in (file, *file.parents)
            if parent != clone.root and clone.root in parent.parents
        ):
            yield Reject(locator=f"{clone.name}:{item}", reason="a symbolic link, which is not followed")
            continue
        yield from file_records(item, file.read_bytes(), about)


def _license_files(root: Any) -> list[Any]:
    from forge_sources.packages.license import is_license_text

    return sorted(
        path for path in root.iterdir() if is_license_text(path.name) and path.is_file() and not path.is_symlink()
    )


def _license_hashes(root: Any) -> list[str]:
    from forge.files import file_hash

    return [file_hash(path) for path in _license_files(root)]
