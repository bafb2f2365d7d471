"""``--fail-above``: the one-line gate."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from losscli.errors import Exit, InputError, UsageError
from losscli.expression import Expression
from losscli.gates.metrics import title_of
from losscli.records import dataclass
from losscli.report import Report


@dataclass(frozen=True)
class Limit:
    """The largest reduced loss that passes; inclusive."""

    title: str
    value: float


def parse_limits(texts: Sequence[str], expressions: Sequence[Expression]) -> tuple[Limit, ...]:
    """The limits of ``X`` or ``LOSS=X`` options; X alone needs a single selected loss."""
    limits = []
    for text in texts:
        title, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UsageError(f'--fail-above "{text}" has no limit', "a number, or LOSS=NUMBER")
        if not equals:
            if len(expressions) > 1:
                raise UsageError(
                    f"--fail-above {text} could mean any of {len(expressions)} losses",
                    "LOSS=X",
                    f"--fail-above {expressions[0].title}={number}",
                )
            title = expressions[0].title
        limits.append(
            Limit(title_of(title.strip(), expressions, f"--fail-above {title.strip()}", "--fail-above {}=X"), value)
        )
    return tuple(limits)


def verdict(report: Report, limits: Sequence[Limit]) -> Exit:
    """GATE_FAILED when a loss is above its limit, each said on stderr.

    A loss that does not exist cannot pass: InputError.
    """
    by_title = {result.title: result for result in report.results}
    code = Exit.DONE
    for limit in limits:
        total = by_title[limit.title].total
        if total.loss is None:
            raise InputError(
                f"--fail-above {limit.title}={limit.value!r}: the loss does not exist ({total.status})", "a finite loss"
            )
        if total.loss > limit.value:
            sys.stderr.write(f"losscli: FAIL {limit.title}: {total.loss!r} is above {limit.value!r}\n")
            code = Exit.GATE_FAILED
    return code
