"""``--fail-if``: what makes a comparison fail, written as text.

::

    RULE     = [TITLE ":"] [SCOPE] TEST ("and" TEST)*
    SCOPE    = "total" | "class" | "slice" | "any"
    TEST     = ["not"] ("worse" | "better") | QUANTITY (">" | ">=" | "<" | "<=") NUMBER ["%"]
    QUANTITY = "base" | "cand" | "diff" | "relative" | "p" | "p_adjusted" | "improved" | "worsened" | "count"

for example ``worse``, ``any worse``, ``diff > 0.01``, ``worse and relative > 2%`` or
``mae: class worsened > 5%``.  Without a scope the total is meant; TITLE is one
of the selected losses, without it each of them.  A percentage of rows is one
of the rows that were paired.

What cannot be told is refused, for it would pass: a difference that does not
exist, a share of a baseline near zero, a verdict or p value of a total without
a test.  Classes and slices without a test have too few rows, and are left out.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence

from losscli.comparison.difference import BETTER, UNTESTED, WORSE, Difference
from losscli.comparison.result import ComparedLoss, Comparison
from losscli.errors import InputError, NothingToEvaluate, UsageError, nearest
from losscli.records import dataclass

GRAMMAR = "worse, any worse, diff>0.01, relative>2%, or several with and"
SCOPES = ("total", "class", "slice", "any")
VERDICTS = (WORSE, BETTER)
QUANTITIES = ("base", "cand", "diff", "relative", "p", "p_adjusted", "improved", "worsened", "count")
ROW_COUNTS = ("improved", "worsened")
EVIDENCE = {"verdict", "p", "p_adjusted"}

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_QUANTITY = re.compile(r"([a-z_]+)\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*(%?)")


@dataclass(frozen=True)
class Test:
    """One condition on one row of a table, about one `quantity`; `holds` gives None where the row does not have it."""

    quantity: str
    holds: Callable[[Difference], bool | None]


@dataclass(frozen=True)
class Condition:
    """What must not be: all `tests` on one row within `scope`; `title` is the loss that is meant, None for each."""

    text: str
    title: str | None
    scope: str
    tests: tuple[Test, ...]

    def failures(self, comparison: Comparison) -> list[str]:
        """The rows for which it holds, in words."""
        rows = [
            (candidate, result, row)
            for candidate in comparison.candidates
            for result in candidate.results
            if self.title in (None, result.title)
            for row in self._rows(result)
        ]
        if not rows:
            fix = "--by COL" if self.scope == "slice" else None
            raise NothingToEvaluate(f"--fail-if {self.text} matches nothing: there is no {self.scope}", fix=fix)
        return [
            f"{candidate.path}: {result.title}: {_named(row)}{_found(row)}"
            for candidate, result, row in rows
            if self._holds(result, row)
        ]

    def _holds(self, result: ComparedLoss, row: Difference) -> bool:
        found = [(test.quantity, test.holds(row)) for test in self.tests]
        if any(holds is False for _, holds in found):
            return False
        unknown = [quantity for quantity, holds in found if holds is None]
        if not unknown:
            return True
        if row.level != "total" and row.diff is not None and set(unknown) <= EVIDENCE:
            return False
        raise self._refusal(result, row, unknown[0])

    def _refusal(self, result: ComparedLoss, row: Difference, quantity: str) -> InputError:
        where = f"--fail-if {self.text}: {_named(row)}"
        if row.diff is None:
            problem = f"{where}the difference of {result.title} does not exist ({row.status})"
            return InputError(problem, "a finite loss of both")
        if quantity == "relative":
            problem = f"{where}the baseline {result.title} is {row.base:.6g}, so a share of it means nothing"
            return InputError(
                problem, "a baseline loss that is not near zero", "a limit in units of the loss: diff>0.01"
            )
        if quantity in ROW_COUNTS:
            return InputError(f"{where}rows have no {result.title} of their own", "one of base, cand, diff, relative")
        reason = "there is no test of it" if row.status == "ok" else row.status
        return InputError(f"{where}the difference of {result.title} is not tested ({reason})", "rows enough for a test")

    def _rows(self, result: ComparedLoss) -> Sequence[Difference]:
        if self.scope == "total":
            return [result.total]
        return [row for row in result.rows if self.scope in ("any", row.level)]


def failures_of(conditions: Sequence[Condition], comparison: Comparison) -> list[tuple[str, str]]:
    """The text of each condition that holds and where, once for every row.

    Raises InputError for what cannot be told, and NothingToEvaluate for a
    condition on rows that there are not, in this order.
    """
    found: list[tuple[str, str]] = []
    unmatched: list[NothingToEvaluate] = []
    for one in conditions:
        try:
            found += [(one.text, row) for row in one.failures(comparison)]
        except NothingToEvaluate as error:
            unmatched.append(error)
    if unmatched:
        raise unmatched[0]
    return found


def parse_condition(text: str, titles: Sequence[str]) -> Condition:
    """The condition written as `text` on losses of these titles; UsageError says what is wrong in it."""
    head, colon, body = text.rpartition(":")
    title = head.strip() if colon else None
    if title is not None and title not in titles:
        near = nearest(title, titles)
        raise UsageError(
            f'--fail-if "{text}": {title} is not one of the selected losses',
            ", ".join(titles),
            f"{near}:{body}" if near else None,
        )
    words = body.strip()
    scope = next((one for one in SCOPES if re.match(rf"{one}\b", words)), None)
    words = words.removeprefix(scope or "")
    tests = tuple(_test(part.strip(), text) for part in re.split(r"\band\b", words))
    return Condition(text.strip(), title, scope or "total", tests)


def _test(part: str, text: str) -> Test:
    wanted, _, verdict = part.rpartition("not ")
    if verdict in VERDICTS and not wanted.strip():
        negated = part != verdict
        return Test("verdict", lambda row: None if row.verdict == UNTESTED else (row.verdict == verdict) != negated)
    found = _QUANTITY.fullmatch(part)
    if found is None:
        near = nearest(part, [*VERDICTS, *QUANTITIES])
        raise UsageError(
            f'--fail-if "{text}": "{part}" is no condition', GRAMMAR, f"--fail-if {near}" if near else None
        )
    quantity, sign, number, percent = found.groups()
    if quantity not in QUANTITIES:
        near = nearest(quantity, QUANTITIES)
        raise UsageError(
            f'--fail-if "{text}": there is no {quantity}',
            "one of " + ", ".join(QUANTITIES),
            f"--fail-if {near}{sign}{number}{percent}" if near else None,
        )
    try:
        limit = float(number) / (100.0 if percent else 1.0)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise UsageError(f'--fail-if "{text}": {number} is not a number', f"such as {quantity}{sign}0.01")
    compare, of_rows = _OPERATORS[sign], bool(percent) and quantity in ROW_COUNTS

    def holds(row: Difference) -> bool | None:
        value = getattr(row, quantity)
        if quantity == "relative" and row.base_is_near_zero:
            # What did not change did not change by any share.
            value = 0.0 if row.diff == 0 else None
        if value is None:
            return None
        return compare(value / row.count if of_rows and row.count else value, limit)

    return Test(quantity, holds)


def _named(row: Difference) -> str:
    if row.level == "total":
        return ""
    return ", ".join(f"{name}={'(null)' if value is None else value}" for name, value in row.key.items()) + ": "


def _found(row: Difference) -> str:
    if row.diff is None:
        return row.status
    chance = "" if row.p_adjusted is None else f", p {row.p_adjusted:.3g}"
    return f"{row.verdict}, {row.base!r} to {row.cand!r} ({row.diff:+.6g}{chance})"
