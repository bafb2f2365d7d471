"""The words of the filter language, and errors that point at one of them."""

from __future__ import annotations

import re
from typing import Literal

from losscli.errors import UsageError
from losscli.records import dataclass

TokenKind = Literal["number", "word", "keyword", "text", "double", "name", "operator", "bracket", "end"]

KEYWORDS = frozenset({"and", "or", "not", "in", "is", "like", "null", "true", "false"})

_BARE = r"[^\W\d][\w.]*"
_TOKEN = re.compile(
    rf"""(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
    |(?P<word>{_BARE})
    |'(?P<text>(?:[^']|'')*)'
    |"(?P<double>(?:[^"]|"")*)"
    |`(?P<name>(?:[^`]|``)*)`
    |(?P<operator>==|=|!=|<>|<=|>=|<|>)
    |(?P<bracket>[(),])""",
    re.VERBOSE,
)
_QUOTES = {"text": "'", "double": '"', "name": "`"}
_SPACE = re.compile(r"\s*")
_STRAY = re.compile(r"[\w.]+|&&|\|\||.", re.DOTALL)

# What the other languages of data frames write instead.
_ELSEWHERE = {
    "&": "and", "&&": "and", "|": "or", "||": "or", "!": "not", "~": "not",
    "‘": "'", "’": "'", "“": '"', "”": '"',
}  # fmt: skip

# Of a longer filter an error shows only what stands around the fault.
_SHOWN = 50


@dataclass(frozen=True)
class Token:
    """A word and where it stands: from `start` up to `end`.  `value` is without quotes, a keyword in lower case."""

    kind: TokenKind
    value: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The words of `text`, the last being its end; UsageError points at what is none."""
    found = []
    start = _skipped(text, 0)
    while start < len(text):
        match = _TOKEN.match(text, start)
        if match is None:
            raise _stray(text, start)
        kind: TokenKind = match.lastgroup  # type: ignore[assignment]  # the groups are named after the kinds
        value = match[kind]
        if kind in _QUOTES:
            value = value.replace(2 * _QUOTES[kind], _QUOTES[kind])
        elif kind == "word" and value.lower() in KEYWORDS:
            kind, value = "keyword", value.lower()
        found.append(Token(kind, value, start, match.end()))
        start = _skipped(text, match.end())
    return [*found, Token("end", "", len(text), len(text))]


def name_text(name: str) -> str:
    """A column as the language writes it: bare where it can be."""
    if re.fullmatch(_BARE, name) and name.lower() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def refusal(text: str, start: int, end: int, problem: str, expected: str, fix: str | None = None) -> UsageError:
    """The error for characters `start` to `end` of the filter `text`, which it shows with carets under them."""
    first = max(0, start - _SHOWN)
    last = min(len(text), start + _SHOWN)
    before, after = "… " if first else "", " …" if last < len(text) else ""
    shown = "".join(one if one.isprintable() else " " for one in text[first:last])
    carets = "^" * max(1, min(end, last) - start)
    margin = " " * (len(before) + start - first)
    return UsageError(f"the row filter: {problem}\n  {before}{shown}{after}\n  {margin}{carets}", expected, fix)


def _skipped(text: str, start: int) -> int:
    """Where the blanks from `start` on end."""
    match = _SPACE.match(text, start)
    assert match is not None
    return match.end()


def _stray(text: str, start: int) -> UsageError:
    match = _STRAY.match(text, start)
    assert match is not None
    stray = match[0]
    if stray in _QUOTES.values():
        return refusal(text, start, len(text), "this quote is never closed", f"{stray} after the text")
    if stray[0].isdigit() or stray[0] == ".":
        return refusal(
            text, start, match.end(), f'"{stray}" is not a number', "a number such as 18, 0.5 or 1e-3", f"'{stray}'"
        )
    known = _ELSEWHERE.get(stray)
    expected = "columns, values, and, or, not, in, like, is null, comparisons and parentheses"
    return refusal(text, start, match.end(), f'"{stray}" means nothing here', expected, known)
