"""Source ``github-docs``: the documentation of repositories, by GitHub's API or from a local clone.

README files, ``docs/``, ``doc/`` and ``examples/`` at one commit: Markdown, reStructuredText, notebooks and HTML as
text, example programs as code, each with a permanent link and the repository's licence. With ``crawl_depth`` the pages
of its documentation site come too, by the crawler of `website`.

Cost: three requests a repository, and one a file or one tarball. Without a key, GitHub allows 60 requests an hour.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from forge.errors import StepError
from forge.records import UNKNOWN_LICENSE, ApiRecord, Document, Reject, stable_id
from forge.steps import Context, Partition, option

if TYPE_CHECKING:
    from forge_sources.github_docs.api import Entry, Repository
    from forge_sources.harvest import Harvest

API = "https://api.github.com"
INCLUDE = ("README*", "docs/", "doc/", "documentation/", "examples/", "example/")
EXCLUDE = (
    "**/node_modules/",
    "**/vendor/",
    "**/third_party/",
    "**/locale/",
    "**/locales/",
    "**/_build/",
    "**/*.min.js",
    "**/*.min.css",
    "**/package-lock.json",
)
LICENSES = ("LICENSE*", "LICENCE*", "COPYING*", "UNLICENSE*")


@dataclass(frozen=True, kw_only=True)
class GithubDocs:
    """README files, documentation and examples of repositories as documents."""

    name: ClassVar[str] = "github-docs"

    repositories: list[str] = option(
        [], help="what to fetch: OWNER/NAME, OWNER/NAME@REF; GITHUB_TOKEN is used if it is set"
    )
    path: str = option("", help="a local clone or folder, instead or besides; symbolic links out of it are refused")
    api: str = option(API, help="address of the API; of an Enterprise server https://HOST/api/v3")
    include: list[str] = option(list(INCLUDE), help="globs of files to take")
    exclude: list[str] = option(list(EXCLUDE), help="globs of files to leave out")
    examples: bool = option(True, help="also take programs, as documents of code")
    max_file_kb: int = option(500, help="pass over larger files", unit="kB")
    max_files: int = option(2000, help="of one repository, in the order of their paths", unit="files")
    crawl_depth: int = option(
        0, help="also crawl its documentation site so far from the links; 0: do not", unit="links"
    )
    crawl_pages: int = option(200, help="pages of one site at most", unit="pages")
    delay: float = option(1.0, help="between two requests of a crawl", unit="seconds")

    def __post_init__(self) -> None:
        from forge_sources.github_docs.api import parse_repository

        if not self.repositories and not self.path:
            raise ValueError('name repositories = ["OWNER/NAME"], or path = "FOLDER" of a local clone')
        names = [parse_repository(text)[0].lower() for text in self.repositories]
        if len(set(names)) < len(names):
            raise ValueError("repositories names one twice; keep one")
        for name in ("max_file_kb", "max_files", "crawl_pages"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0")

    def plan(self, context: Context) -> str:
        """What would be asked for, at most."""
        from forge_sources.spec_files import told

        local = self.path and told(context.workspace / self.path, self.path, plugin=self.name)
        parts = [f"reads {local}, fetches nothing"] if local else []
        missing = [
            text for text in self.repositories if self._harvest(text, context).finished is None or context.refresh
        ]
        if missing:
            limit = (
                "5,000 requests an hour"
                if context.secret("GITHUB_TOKEN")
                else "60 requests an hour without GITHUB_TOKEN"
            )
            parts.append(
                f"fetches documentation of {', '.join(missing)}: 3 requests each, then one a file, or one "
                f"tarball; at most {self.max_files} files of {self.max_file_kb} kB each; the API allows {limit}"
            )
        elif self.repositories:
            parts.append(f"reads {len(self.repositories)} repositories from the cache, fetches nothing")
        if self.crawl_depth and missing:
            parts.append(f"crawls at most {self.crawl_pages} pages of each one's site, about one each {self.delay:g} s")
        return "; ".join(parts)

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a repository, by the hash of its tree, and those of its site.

        Raises:
            StepError: the folder is none. FetchError: a repository cannot be had; others keep what they have.
        """
        from forge_sources.github_docs.site import site_partitions

        found = [self._local(context)] if self.path else []
        for text in self.repositories:
            harvest = self._harvest(text, context, refresh=context.refresh)
            closing = harvest.finished or self._gather(text, harvest, context)
            mark = stable_id(
                closing["tree"], closing["license"], closing["evidence"], str(closing["files"]), str(closing["rejects"])
            )
            size = sum(size for _, _, size in closing["files"])
            found.append(Partition(key=_key(text), fingerprint=mark, items=(text,), size=size))
            if self.crawl_depth:
                pages = site_partitions(self, text, closing, context=context)
                found += [
                    replace(page, key=f"{_key(text)}-{page.key}", items=(f"site {text}", *page.items)) for page in pages
                ]
        return found

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Document | Reject]:
        """The documents of a repository in the order of their paths, or the pages of its site."""
        from forge_sources.github_docs.files import FileFacts, file_records
        from forge_sources.github_docs.site import site_records

        first = partition.items[0]
        if first.startswith("site "):
            yield from site_records(self, first.removeprefix("site "), partition, context=context)
            return
        if not self.repositories or partition.key == LOCAL:
            yield from self._local_records(partition, context)
            return
        harvest = self._harvest(first, context)
        closing = harvest.finished
        if closing is None:
            raise StepError("gone from the cache; run the same command again", step="collect", record=first)
        for path, reason in closing["rejects"]:
            yield Reject(locator=f"{closing['name']}:{path}", reason=reason)
        about = FileFacts(
            name=closing["name"],
            page=closing["page"],
            commit=closing["commit"],
            license=closing["license"],
            evidence=closing["evidence"],
            examples=self.examples,
        )
        for path, _, _ in closing["files"]:
            page = harvest.get(path)
            if page is None:
                raise StepError("gone from the cache; run with --refresh", step="collect", record=f"{first}:{path}")
            yield from file_records(path, page.body, about)

    def _gather(self, text: str, harvest: "Harvest", context: Context) -> dict[str, Any]:
        """Fetch what the harvest lacks, and close it."""
        from forge_sources.github_docs.api import Rest, parse_repository
        from forge_sources.markdown_text import links_of

        rest = Rest(self.api, context)
        repository = rest.repository(*parse_repository(text))
        context.log(f"{repository.name} at {repository.commit[:12]}")
        wanted = self._is_wanted()
        entries = rest.tree(repository, lambda folder: wanted(f"{folder}page.md"))
        chosen, rejects = self._chosen(entries)
        stated = [entry for entry in entries if _is_license(entry.path) and not entry.is_link]
        license_, evidence = self._license(repository, stated, rest)
        missing = [
            entry for entry in chosen if (page := harvest.get(entry.path)) is None or page.facts.get("sha") != entry.sha
        ]
        for entry, data in rest.contents(repository, missing, limit=self.max_file_kb * 1000):
            harvest.keep(entry.path, data, sha=entry.sha)
        kept = [entry for entry in chosen if harvest.get(entry.path) is not None]
        rejects += [(entry.path, "is not in the commit's tarball") for entry in chosen if entry not in kept]
        readme = next((harvest.get(entry.path) for entry in kept if entry.path.lower().startswith("readme")), None)
        closing = {
            "name": repository.name,
            "page": repository.page,
            "commit": repository.commit,
            "tree": repository.tree,
            "license": license_,
            "evidence": evidence,
            "links": [repository.homepage, *(links_of(readme.body.decode("utf-8", "replace")) if readme else [])],
            "files": [[entry.path, entry.sha, entry.size] for entry in kept],
            "rejects": [list(pair) for pair in rejects],
        }
        harvest.finish(**closing)
        return closing

    def _chosen(self, entries: Sequence["Entry"]) -> tuple[list["Entry"], list[tuple[str, str]]]:
        """The files to take, and those that are refused."""
        wanted = self._is_wanted()
        matching = sorted((entry for entry in entries if wanted(entry.path)), key=lambda entry: entry.path)
        rejects = [(entry.path, "a symbolic link, which is not followed") for entry in matching if entry.is_link]
        chosen = [entry for entry in matching if not entry.is_link and entry.size <= self.max_file_kb * 1000]
        if len(chosen) > self.max_files:
            rejects.append(("", f"{len(chosen) - self.max_files} files over max_files = {self.max_files}"))
        return chosen[: self.max_files], rejects

    def _license(self, repository: "Repository", stated: Sequence["Entry"], rest: Any) -> tuple[str, str]:
        """The licence that GitHub detected, or that of the licence files if they say one thing."""
        if repository.license:
            return repository.license, f"license.spdx_id of {repository.page or repository.name}: {repository.license}"
        files = {entry.path: data for entry, data in rest.contents(repository, stated[:5], limit=200_000)}
        return license_of(files)

    def _local(self, context: Context) -> Partition:
        from forge_sources.github_docs.files import local_partition

        return local_partition(self, context, key=LOCAL)

    def _local_records(self, partition: Partition, context: Context) -> Iterator[Document | Reject]:
        from forge_sources.github_docs.files import local_records

        return local_records(self, partition, context)

    def _harvest(self, text: str, context: Context, *, refresh: bool = False) -> "Harvest":
        from forge_sources.harvest import Harvest

        deciding = (text, self.api, self.include, self.exclude, self.examples, self.max_file_kb, self.max_files)
        return Harvest(context.cache, source=self.name, options=deciding, refresh=refresh)

    def _is_wanted(self) -> Callable[[str], bool]:
        return wanted_files(self.include, self.exclude, examples=self.examples)


LOCAL = "local"


def _key(text: str) -> str:
    safe = "".join(char if char.isalnum() or char in "._-" else "-" for char in text).strip("-.")
    return f"{safe[:100]}-{stable_id(text)[:8]}"


def _is_license(path: str) -> bool:
    from forge_sources.packages.license import is_license_text

    return "/" not in path and is_license_text(path)


def license_of(files: dict[str, bytes]) -> tuple[str, str]:
    """The licence that the texts of licence files say with one voice, and which files those are."""
    from forge_sources.packages.license import stated_license

    read = {path: stated_license(path, data) for path, data in sorted(files.items())}
    known = set(read.values()) - {UNKNOWN_LICENSE}
    if len(known) != 1:
        return UNKNOWN_LICENSE, ""
    return known.pop(), f"text of {', '.join(path for path, found in read.items() if found != UNKNOWN_LICENSE)}"


def wanted_files(include: Sequence[str], exclude: Sequence[str], *, examples: bool) -> Callable[[str], bool]:
    """A function that says of a path whether it is documentation, or an example program, that is asked for."""
    from forge_sources.markdown_text import HTML, MARKDOWN, NOTEBOOK, PLAIN
    from forge_sources.packages.text import LANGUAGES, matcher

    code = tuple(ending for ending in LANGUAGES if ending not in (*MARKDOWN, *PLAIN, *HTML)) if examples else ()
    endings = (*MARKDOWN, *PLAIN, *HTML, NOTEBOOK, *code)
    taken, left = matcher(include), matcher(exclude)

    def is_wanted(path: str) -> bool:
        name = path.rpartition("/")[2].lower()
        return (name.endswith(endings) or ("." not in name and name == "readme")) and taken(path) and not left(path)

    return is_wanted
