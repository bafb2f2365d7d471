"""The limits of a rule: of the loss itself, or of its change against a baseline."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from losscli.errors import UsageError
from losscli.records import dataclass

BoundKind = Literal["max", "min"]
ChangeKind = Literal["max_increase", "max_decrease"]

_PERCENT = re.compile(r"\s*([0-9.eE+-]+)\s*%\s*")
CHANGE_EXPECTED = '"2%" of the baseline, 0.004 in units of the loss, or a list of both, which must both be exceeded'


@dataclass(frozen=True)
class Bound:
    """The largest or smallest loss that passes, and the one that passes without a warning; both inclusive."""

    kind: BoundKind
    value: float | None
    warn: float | None = None

    def broken_by(self, loss: float) -> bool:
        """Whether `loss` is beyond the limit."""
        return self.value is not None and self._beyond(loss, self.value)

    def warned_by(self, loss: float) -> bool:
        """Whether `loss` is beyond the limit that warns."""
        return self.warn is not None and self._beyond(loss, self.warn)

    def _beyond(self, loss: float, limit: float) -> bool:
        return loss > limit if self.kind == "max" else loss < limit

    def __str__(self) -> str:
        word = "at most" if self.kind == "max" else "at least"
        texts = [] if self.value is None else [f"{word} {self.value:g}"]
        if self.warn is not None:
            texts.append(f"warns {'above' if self.kind == 'max' else 'below'} {self.warn:g}")
        return ", ".join(texts)


@dataclass(frozen=True)
class Change:
    """The largest increase or decrease that passes: in units of the loss, as a share of the baseline, or both.

    Of two limits both must be exceeded, so that neither a large share of
    nothing nor a small share of much raises an alarm.
    """

    kind: ChangeKind
    absolute: float | None = None
    relative: float | None = None

    @property
    def sign(self) -> int:
        """1 for an increase, -1 for a decrease."""
        return 1 if self.kind == "max_increase" else -1

    def limit(self, base: float) -> float:
        """The largest change that passes beside a baseline loss, as a positive number in its units."""
        limits = [] if self.absolute is None else [self.absolute]
        if self.relative is not None:
            limits.append(self.relative * abs(base))
        return max(limits)

    @property
    def margins(self) -> list[tuple[float, float]]:
        """Its limits as the (absolute, relative) margins of a `Difference`."""
        margins = [] if self.absolute is None else [(self.sign * self.absolute, 0.0)]
        if self.relative is not None:
            margins.append((0.0, self.sign * self.relative))
        return margins

    @property
    def share(self) -> str:
        """The relative limit as it is written, such as 2%."""
        return "" if self.relative is None else f"{100 * self.relative:.10g}%"

    def __str__(self) -> str:
        texts = [self.share] if self.relative is not None else []
        if self.absolute is not None:
            texts.append(f"{self.absolute:g}")
        most = texts[0] if len(texts) == 1 else "the larger of " + " and ".join(texts)
        return f"{self.kind.removeprefix('max_')} at most {most}"


def parse_bound(value: Any, where: str) -> float:
    """A limit of the loss itself; `where` names the key in messages."""
    number = _number(value)
    if number is None or not math.isfinite(number):
        raise UsageError(f"{where}: {_shown(value)} is not a limit", "a finite number")
    return number


def parse_change(kind: ChangeKind, value: Any, where: str) -> Change:
    """``"2%"``, ``0.004``, or a list of one each; `where` names the key in messages.

    A text without a percent sign is neither: whoever writes ``"2"`` may mean 2 %.
    """
    absolute = relative = None
    for part in value if isinstance(value, list) else [value]:
        percent = _PERCENT.fullmatch(part) if isinstance(part, str) else None
        number = _number(percent[1]) if percent else None if isinstance(part, str) else _number(part)
        if number is None or not 0 <= number < math.inf:
            raise UsageError(f"{where}: {_shown(part)} is not a limit >= 0", CHANGE_EXPECTED)
        if (relative if percent else absolute) is not None:
            raise UsageError(f"{where}: two limits of one kind", CHANGE_EXPECTED)
        if percent:
            relative = number / 100
        else:
            absolute = number
    if absolute is None and relative is None:
        raise UsageError(f"{where}: no limit", CHANGE_EXPECTED)
    return Change(kind, absolute, relative)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
