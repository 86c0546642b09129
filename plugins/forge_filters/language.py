"""Filter ``language``: drops prose that is not in one of the languages asked for.

The score is the probability that py3langid gives to those languages together, over all that it knows, on a sample of
the text: a thousand characters from its beginning and a thousand from its middle, where there is most likely to be
prose. Documents of other domains than those named pass with score 1. About 0.4 milliseconds of CPU a document, however
long it is; the model takes 60 MB in each process.

Source: Lui and Baldwin, "langid.py: An Off-the-shelf Language Identification Tool", ACL 2012.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from forge.steps import Canary, Context, Corpus, Document, Verdicts, option

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLES = {
    "en": "When the rain had stopped, the children went down to the river to see how high the water stood. Their "
    "grandmother had told them that it once came up to the third step of the church, and nobody believed her.",
    "de": "Als der Regen aufgehört hatte, gingen die Kinder zum Fluss hinunter, um zu sehen, wie hoch das Wasser "
    "stand. Ihre Großmutter hatte erzählt, dass es einmal bis zur dritten Stufe der Kirche reichte.",
    "fr": "Quand la pluie eut cessé, les enfants descendirent vers la rivière pour voir jusqu'où montait l'eau. "
    "Leur grand-mère leur avait raconté qu'elle était arrivée un jour à la troisième marche de l'église.",
    "es": "Cuando dejó de llover, los niños bajaron al río para ver hasta dónde llegaba el agua. Su abuela les había "
    "contado que una vez subió hasta el tercer escalón de la iglesia, y nadie quería creerle.",
    "ru": "Когда дождь кончился, дети спустились к реке посмотреть, как высоко стоит вода. Бабушка рассказывала, что "
    "однажды она дошла до третьей ступени церкви, и никто не хотел ей верить.",
    "zh": "雨停了以后孩子们走到河边去看水涨了多高。奶奶曾经告诉他们有一年河水一直漫到教堂的第三级台阶。"
    "可是谁也不愿意相信她的话。",
}
"""The same few sentences, by language: the canaries."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """Keeps documents that are most likely in one of the languages."""

    name: ClassVar[str] = "language"
    columns: ClassVar[tuple[str, ...]] = ("text", "domain")

    languages: list[str] = option(["en"], help="languages that stay, as ISO 639-1 codes")
    domains: list[str] = option(["text"], help="domains that are judged; documents of others stay")
    min_score: float = option(
        0.5, help="drop what is less likely in these languages", unit="probability", threshold=True
    )
    sample_chars: int = option(2_000, help="how much of a text is looked at", unit="characters")

    def __post_init__(self) -> None:
        if not self.languages:
            raise ValueError('languages is empty; name at least one, for example languages = ["en"]')
        if not self.domains:
            raise ValueError('domains is empty: nothing would be judged; name some, for example domains = ["text"]')
        if not 0 < self.min_score <= 1:
            raise ValueError(f"min_score = {self.min_score} is no probability to ask for; give one above 0, up to 1")
        if self.sample_chars < 2:
            raise ValueError(f"sample_chars = {self.sample_chars} shows nothing of a text; give 2 or more")

    def canaries(self, seed: int) -> Sequence[Canary]:  # noqa: ARG002
        """One story in six languages: those asked for stay, the others go."""
        documents = [
            Document(id=language, domain=self.domains[0], kind="prose", text=text, source=self.name)  # type: ignore[arg-type]
            for language, text in SAMPLES.items()
        ]
        dropped = [language for language in SAMPLES if language not in self.languages]
        kept = [language for language in SAMPLES if language in self.languages]
        canary = Canary(name="prose in another language", documents=documents, dropped=dropped, kept=kept)
        return [canary] if dropped else []

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs none; refuses languages that the model does not know."""
        unknown = sorted(set(self.languages) - set(_model().labels))
        if unknown:
            raise ValueError(
                f"the model knows no language {unknown[0]!r}; it knows {', '.join(sorted(_model().labels))}"
            )
        return None

    def score(self, batch: "pa.RecordBatch", state: Path | None) -> "pa.DoubleArray":  # noqa: ARG002
        """Probability, 0 to 1 in steps of 0.0001, that each text is in one of the languages."""
        import pyarrow as pa
        import pyarrow.compute as pc

        judged = pc.is_in(batch.column("domain"), pa.array(self.domains, pa.string())).fill_null(False)
        texts = batch.column("text").filter(judged)
        found = pa.array([self._probability(text.as_py() or "") for text in texts], pa.float64())
        ones = pa.repeat(pa.scalar(1.0, pa.float64()), batch.num_rows)
        return pc.replace_with_mask(ones, judged, found)

    def decide(self, scores: "pa.DoubleArray") -> Verdicts:
        """Apply ``min_score``."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keep = pc.greater_equal(scores, self.min_score)
        reason = pc.if_else(keep, pa.scalar(None, pa.string()), f"not {' or '.join(self.languages)}")
        return Verdicts(keep=keep, score=scores, reason=reason)

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """`decide` on `score`."""
        return self.decide(self.score(batch, state))

    def _probability(self, text: str) -> float:
        ranked: dict[str, float] = dict(_model().rank(_sample(text, self.sample_chars // 2)))
        # Sums of float32 differ in their last bits between processors; a rounded score does not.
        return round(sum(float(ranked.get(language, 0.0)) for language in self.languages), 4)


def _sample(text: str, half: int) -> str:
    """The whole text where it is short, else its beginning and its middle."""
    if len(text) <= 2 * half:
        return text
    middle = max(half, (len(text) - half) // 2)
    return f"{text[:half]} {text[middle : middle + half]}"


@cache
def _model() -> Any:
    """The language model, loaded once a process."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
