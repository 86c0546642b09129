"""Draws ``docs/flow.svg``, the picture of the road from sources to a model.

python scripts/draw_flow.py

Boxes are what lies on the disk, arrows are what the forge does. Plain SVG with generic fonts on a light card, so that
it reads the same on light and dark pages. Costs nothing.
"""

from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "docs" / "flow.svg"
WIDTH, HEIGHT = 940, 396
INK, QUIET, LINE = "#1f2328", "#59636e", "#818b98"
SOURCE, STORE, EXPORT, TRAIN = "#fff1e5", "#ddf4ff", "#dafbe1", "#fbefff"

Box = tuple[int, int, int, int, str, str, str]
BOXES: tuple[Box, ...] = (
    (24, 40, 172, 64, SOURCE, "sources", "OpenAPI, AWS, pip, npm"),
    (270, 40, 172, 64, STORE, "catalogue", "distinct documented APIs"),
    (270, 148, 172, 64, STORE, "corpus", "documents, by partition"),
    (516, 148, 172, 64, STORE, "verdicts", "keep, score, reason"),
    (744, 148, 172, 64, STORE, "tokens", "encoded once"),
    (744, 268, 172, 64, EXPORT, "shards + manifest", "agent : code : text"),
    (516, 268, 172, 64, TRAIN, "stages I, II, III", "checkpoints, loss curve"),
    (270, 268, 172, 64, TRAIN, "model", "a Hugging Face folder"),
    (24, 268, 172, 64, EXPORT, "report", "one HTML page"),
)
# Path, label, and where the label is centred.
ARROWS: tuple[tuple[str, str, int, int], ...] = (
    ("M196 72 H264", "APIs", 230, 64),
    ("M110 104 V180 H264", "documents", 186, 172),
    ("M356 104 V142", "render", 384, 128),
    ("M442 180 H510", "filter", 476, 172),
    ("M688 180 H738", "encode", 713, 172),
    ("M830 212 V262", "mix", 850, 242),
    ("M744 300 H694", "train", 718, 292),
    ("M516 300 H448", "export", 482, 292),
    ("M830 332 V366 H110 V338", "counts by source, domain and licence; drops by filter and reason; loss", 470, 360),
)


def drawing() -> str:
    """The whole picture as SVG text."""
    font = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' {font} role='img'>",
        "<title>Sources give API records and documents; renderers, filters, tokens and a mix make shards and a "
        "manifest; the trainer makes a model of them</title>",
        f"<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M0 0 L8 4 L0 8 z' fill='{LINE}'/></marker></defs>",
        f"<rect x='1' y='1' width='{WIDTH - 2}' height='{HEIGHT - 2}' rx='12' fill='#ffffff' stroke='#d1d9e0'/>",
        *(_arrow(*arrow) for arrow in ARROWS),
        *(_box(*box) for box in BOXES),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(*facts: int | str) -> str:
    x, y, width, height, colour, title, below = facts
    middle = int(x) + int(width) // 2
    return (
        f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='8' fill='{colour}' stroke='{LINE}'/>"
        f"<text x='{middle}' y='{int(y) + 28}' font-size='15' font-weight='600' fill='{INK}' "
        f"text-anchor='middle'>{title}</text>"
        f"<text x='{middle}' y='{int(y) + 48}' font-size='11.5' fill='{QUIET}' text-anchor='middle'>{below}</text>"
    )


def _arrow(path: str, label: str, x: int, y: int) -> str:
    return (
        f"<path d='{path}' fill='none' stroke='{LINE}' stroke-width='1.6' marker-end='url(#tip)'/>"
        f"<text x='{x}' y='{y}' font-size='12' fill='{INK}' text-anchor='middle'>{label}</text>"
    )


if __name__ == "__main__":
    TARGET.write_text(drawing(), encoding="utf-8")
