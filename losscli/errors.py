"""What can go wrong, and the exit code that says so.

Every refusal is one `LosscliError`: what is wrong and where, what was
expected, and what to try.  It is raised where the fact is known and printed
in one place, `losscli.__main__`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

# Enough to find a value in a file; a cell may hold a whole document.
SHOWN_CHARACTERS = 60


class Exit(IntEnum):
    """Exit codes of the program; nothing but a failed gate is ever 1."""

    DONE = 0
    GATE_FAILED = 1
    USAGE = 2
    INPUT = 3
    INCONCLUSIVE = 4
    EMPTY = 5
    INTERNAL = 70
    INTERRUPTED = 130


class LosscliError(Exception):
    """A refusal with its reason: `problem`, what was `expected`, what to `fix`.

    `problem` names the file, column, row and value as far as they are known;
    all three are lower-case phrases without a final stop.
    """

    exit_code: Exit = Exit.INPUT

    def __init__(self, problem: str, expected: str | None = None, fix: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        lines = [f"losscli: {self.problem}"]
        if self.expected:
            lines.append(f"expected: {self.expected}")
        if self.fix:
            lines.append(f"try: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problem, self.expected, self.fix)


class UsageError(LosscliError):
    """The call itself is wrong: an unknown name, a parameter outside its domain."""

    exit_code = Exit.USAGE


class InputError(LosscliError):
    """The data cannot be evaluated, or an output cannot be written."""

    exit_code = Exit.INPUT


class NothingToEvaluate(LosscliError):  # noqa: N818  # it is no error of the data, there is none
    """There is no row to evaluate."""

    exit_code = Exit.EMPTY


class Interrupted(LosscliError):  # noqa: N818  # nothing is wrong, somebody wants to stop
    """The run was stopped by Ctrl-C or a signal; there is no partial result."""

    exit_code = Exit.INTERRUPTED


def one_line(text: str) -> str:
    """`text` from the data as part of a message: the end of a long one is left out, and what is no letter escaped.

    A newline would end the line of the message, and the codes of terminals do worse.
    """
    quote = '"' if len(text) > 1 and text[0] == text[-1] == '"' else ""
    if len(text) - 2 * len(quote) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS + len(quote)] + "…" + quote
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, ignoring case, or None when none is near."""
    by_folded = {candidate.lower(): candidate for candidate in candidates}
    # Loaded only when something is wrong.
    import difflib

    found = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None
