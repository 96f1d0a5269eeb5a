"""Python source as HTML with a class for each kind of token; the standard library's tokenizer does the work."""

import builtins
import keyword
import tokenize
from html import escape
from io import StringIO

_KINDS: dict[int, str] = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"} | {
    # From Python 3.12 on, an f-string is several tokens.
    getattr(tokenize, name): "string"
    for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
    if hasattr(tokenize, name)
}


def highlight(source: str) -> str:
    """The source as HTML, escaped, every character kept."""
    lines = source.splitlines(keepends=True)
    spans = []
    row, column = 1, 0
    previous = ""
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if not token.string.strip():
            continue
        spans.append(escape(_between(lines, (row, column), token.start)))
        text = escape(_between(lines, token.start, token.end))
        kind = _kind(token, previous)
        spans.append(f'<span class="{kind}">{text}</span>' if kind else text)
        row, column = token.end
        previous = token.string
    spans.append(escape(_between(lines, (row, column), (len(lines) + 1, 0))))
    return "".join(spans)


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text from one (row, column) up to another; rows count from 1, as those of `tokenize`."""
    rows = lines[start[0] - 1 : end[0]]
    if end[0] <= len(lines):
        rows[-1] = rows[-1][: end[1]]
    if rows:
        rows[0] = rows[0][start[1] :]
    return "".join(rows)


def _kind(token: tokenize.TokenInfo, previous: str) -> str:
    if token.type == tokenize.NAME:
        return _kind_of_name(token.string, previous)
    return _KINDS.get(token.type, "")


def _kind_of_name(name: str, previous: str) -> str:
    if keyword.iskeyword(name) or previous == "@":
        return "keyword"
    if previous in {"def", "class"}:
        return "definition"
    return "builtin" if hasattr(builtins, name) and previous != "." else ""
