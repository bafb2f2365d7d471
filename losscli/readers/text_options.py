"""How delimited text is written, as far as the user says so."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import fields

from losscli.errors import UsageError, nearest
from losscli.records import dataclass

NO_QUOTES = "none"
_NAMED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_SPOKEN = {"\t": "tab", ";": "semicolon", "|": "pipe", ",": "comma", " ": "space"}
_ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252")


@dataclass(frozen=True)
class TextOptions:
    """The options of CSV and TSV files; what is None is found out from the file.

    `quote` is "" where quotes are characters like any other.
    """

    delimiter: str | None = None
    quote: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: bool = True

    @classmethod
    def of(
        cls,
        delimiter: str | None = None,
        quote: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
        header: bool = True,
    ) -> TextOptions:
        """The options as a user writes them: ``tab`` or ``\\t`` is a tab, ``--quote none`` no quotes."""
        delimiter = _NAMED.get(delimiter or "", delimiter)
        quote = "" if quote == NO_QUOTES else quote
        if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"'):
            raise UsageError(
                f'--delimiter "{delimiter}" cannot stand between values', "one character, such as ; or tab"
            )
        if quote is not None and quote and (len(quote) != 1 or not quote.isascii() or quote in "\r\n"):
            raise UsageError(f'--quote "{quote}" cannot stand around values', f"one character, or {NO_QUOTES}")
        if decimal not in (None, ".", ","):
            raise UsageError(f'--decimal "{decimal}" is no decimal point', "a point or a comma")
        for one, other, names in ((delimiter, quote, "quote"), (delimiter, decimal, "decimal")):
            if one is not None and one == other:
                raise UsageError(f'--delimiter and --{names} are both "{one}"', "different characters")
        return cls(delimiter, quote, decimal, _codec(encoding), header)

    @property
    def given(self) -> list[str]:
        """The options that were given."""
        names = [one.name for one in fields(self) if getattr(self, one.name) != one.default]
        return [{"header": "--no-header"}.get(name, f"--{name}") for name in names]


def _codec(encoding: str | None) -> str | None:
    """The codec's own name of an encoding."""
    if encoding is None:
        return None
    try:
        found = codecs.lookup(encoding)
    except LookupError:
        found = None
    if found is None or not getattr(found, "_is_text_encoding", True):
        near = nearest(encoding, _ENCODINGS)
        raise UsageError(
            f"no encoding {encoding}", "one such as " + ", ".join(_ENCODINGS), near and f"--encoding {near}"
        )
    return "utf-8" if found.name in ("utf-8", "utf-8-sig", "ascii") else found.name


PLAIN = TextOptions()


def said_in_words(found: Mapping[str, object]) -> str:
    """How text is written, as `Source.written` says, in a few words."""
    words = []
    if "delimiter" in found:
        words.append(f"{_SPOKEN.get(str(found['delimiter']), found['delimiter'])}-separated")
    if "quote" in found:
        words.append(f"quote {found['quote']}" if found["quote"] else "no quotes")
    if "decimal" in found:
        words.append("decimal comma")
    if "encoding" in found:
        words.append(str(found["encoding"]).upper())
    if "header" in found:
        words.append("no header")
    if "layout" in found:
        words.append("a JSON array")
    return ", ".join(words)
