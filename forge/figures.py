"""Numbers as people read them: separators, short forms, shares, sizes and times. Costs nothing."""

_SHORT = ((1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K"))
_SIZES = ((1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def number(value: float) -> str:
    """``1234567`` as ``1,234,567``; a fraction keeps at most three decimals."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def compact(value: float) -> str:
    """Three digits and a letter: ``29.4 M``, ``103 B``; exact below a thousand."""
    return _scaled(value, _SHORT, unit="")


def size(value: float) -> str:
    """Bytes in decimal units: ``12.3 MB``."""
    return _scaled(value, _SIZES, unit="B")


def percent(share: float) -> str:
    """A share between 0 and 1 with two decimals: ``33.33 %``; a sliver is never shown as nothing."""
    if 0 < share < 0.00005:
        return "< 0.01 %"
    return f"{share * 100:.2f} %"


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign: ``+0.12 pp``."""
    rounded = round(value, 2)
    sign = "+" if rounded > 0 else "\N{MINUS SIGN}" if rounded < 0 else ""
    return f"{sign}{abs(rounded):.2f} pp"


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _scaled(value: float, scale: tuple[tuple[int, str], ...], *, unit: str) -> str:
    for step, letter in scale:
        # 999.5 of a unit already rounds to the next one
        if value >= step * 0.9995:
            scaled = value / step
            decimals = 0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2
            return f"{scaled:.{decimals}f} {letter}"
    return f"{number(value)} {unit}".strip()
