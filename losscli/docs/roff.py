"""The little of roff's man macros that the pages need, with its escapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def escape(text: str) -> str:
    """Text that roff prints as it is."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    escaped = escaped.replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(character if ord(character) < 128 else f"\\[u{ord(character):04X}]" for character in escaped)


class Page:
    """A manual page, built from top to bottom."""

    def __init__(self, name: str, section: int, version: str, summary: str) -> None:
        self.lines = [
            f'.TH "{escape(name.upper())}" "{section}" "" "losscli {escape(version)}" "losscli manual"',
            ".nh",
            ".ad l",
        ]
        self.heading("Name")
        self.lines.append(f"{escape(name)} \\- {escape(summary)}")

    def heading(self, title: str) -> None:
        """A section."""
        self.lines.append(f'.SH "{escape(title.upper())}"')

    def subheading(self, title: str) -> None:
        """A subsection."""
        self.lines.append(f'.SS "{escape(title)}"')

    def paragraphs(self, paragraphs: Iterable[str]) -> None:
        """Running text."""
        for paragraph in paragraphs:
            self.lines += [".PP", _safe(escape(paragraph))]

    def verbatim(self, text: str) -> None:
        """Lines kept as they are."""
        self.lines += [".PP", ".nf", ".RS 4", *(_safe(escape(line)) for line in text.splitlines()), ".RE", ".fi"]

    def item(self, terms: Sequence[str], text: str) -> None:
        """A term, or several, in bold, and what it means."""
        shown = ", ".join(f"\\fB{escape(term)}\\fR" for term in terms)
        self.lines += [".TP", _safe(shown), _safe(escape(text)) or "\\&"]

    def text(self) -> str:
        """The page's source."""
        return "\n".join(self.lines) + "\n"


def _safe(line: str) -> str:
    """A text line that starts with a dot is not a request."""
    return "\\&" + line if line.startswith((".", "'")) else line
