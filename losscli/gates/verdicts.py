"""What a check can say, and what several of them say together."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from losscli.errors import Exit

Severity = Literal["fail", "warn", "info"]
OnInconclusive = Literal["pass", "warn", "fail"]
Correction = Literal["holm", "bh", "none"]


class Verdict(StrEnum):
    """The finding of a check, from harmless to grave."""

    PASS = "PASS"
    WARN = "WARN"
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"

    @property
    def gravity(self) -> int:
        """0 for PASS and more for what is graver."""
        return list(Verdict).index(self)


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of several verdicts; PASS when there is none."""
    return max(verdicts, key=lambda one: one.gravity, default=Verdict.PASS)


def capped(finding: Verdict, severity: Severity) -> Verdict:
    """`finding` as a rule of that severity reports it: a warning at most, or nothing but information."""
    if finding is not Verdict.FAIL and not (finding is Verdict.WARN and severity == "info"):
        return finding
    return {"fail": finding, "warn": Verdict.WARN, "info": Verdict.PASS}[severity]


def of_run(rules: Iterable[tuple[Verdict, Severity]], on_inconclusive: OnInconclusive) -> Verdict:
    """The verdict of a run from those of its rules.

    What is inconclusive counts as `on_inconclusive` says, for a rule of
    severity warn as a warning at most, and for one of severity info not at all.
    """
    meant = {"pass": Verdict.PASS, "warn": Verdict.WARN, "fail": Verdict.INCONCLUSIVE}[on_inconclusive]
    most = {"fail": Verdict.FAIL, "warn": Verdict.WARN, "info": Verdict.PASS}
    counted = ((meant if verdict is Verdict.INCONCLUSIVE else verdict, most[severity]) for verdict, severity in rules)
    return gravest(min(verdict, cap, key=lambda one: one.gravity) for verdict, cap in counted)


def exit_code(verdict: Verdict) -> Exit:
    """The exit code of a run with this verdict."""
    return {Verdict.FAIL: Exit.GATE_FAILED, Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE}.get(verdict, Exit.DONE)
