"""Sizes as people read them: powers of 1000, as SI has them, with two or three digits."""

_PREFIXES = "kMGTPEZY"


def format_size(size: int) -> str:
    """A number of octets, rounded.

    >>> [format_size(size) for size in (0, 999, 1_000, 12_345, 999_499, 999_500)]
    ['0 B', '999 B', '1.0 kB', '12 kB', '999 kB', '1.0 MB']
    """
    if size < 1000:  # noqa: PLR2004
        return f"{size} B"
    power = 1
    while size >= 999.5 * 1000**power and power < len(_PREFIXES):
        power += 1
    value = size / 1000**power
    digits = 1 if value < 9.95 else 0  # noqa: PLR2004 - 9.95 would be rounded to 10.0
    return f"{value:.{digits}f} {_PREFIXES[power - 1]}B"
