"""The checks of one evaluation: found, fed with rows, asked at the end."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Sequence

from losscli.checks.check import Check, Evidence, Finding, Rows, Setting
from losscli.columns import ColumnPlan, ColumnRequest, Keys, Tile
from losscli.columns.kinds import Decision
from losscli.columns.scores import prediction_of
from losscli.declaration import Loss
from losscli.records import dataclass
from losscli.roles import IntArray

_PACKAGE = "losscli.checks"


@functools.cache
def checks_in(name: str) -> tuple[Check, ...]:
    """The checks of every module of a package that has some."""
    package = importlib.import_module(name)
    found: list[Check] = []
    for module in pkgutil.iter_modules(package.__path__, f"{name}."):
        if not module.ispkg:
            found.extend(getattr(importlib.import_module(module.name), "CHECKS", ()))
    return tuple(found)


@dataclass(frozen=True)
class Watch:
    """The checks that apply to one evaluation, and the evidence that they share."""

    setting: Setting
    checks: tuple[Check, ...]

    def start(self) -> dict[str, Evidence]:
        """Evidence of no rows, by the name of its kind."""
        kinds = dict.fromkeys(check.evidence for check in self.checks)
        return {kind.__name__: kind(self.setting) for kind in kinds}

    def see(
        self, evidence: dict[str, Evidence], tile: Tile, chosen: slice | IntArray, early: slice | IntArray, keys: Keys
    ) -> None:
        """Show some rows of a tile to the evidence that sees every row, and those that are `early` to the rest."""
        for one in evidence.values():
            rows = Rows(tile, chosen if one.every_row else early, keys, self.setting)
            if len(rows):
                one.see(rows)

    def findings(self, evidence: dict[str, Evidence], labels: Sequence[str]) -> list[Finding]:
        """What the checks find in the evidence of all rows."""
        found = (check.finding(evidence[check.evidence.__name__], labels) for check in self.checks)
        return [finding for finding in found if finding is not None]


def watch_over(
    losses: Sequence[Loss],
    plan: ColumnPlan,
    request: ColumnRequest,
    decision: Decision,
    columns: Sequence[str],
) -> Watch | None:
    """The checks for the label and the prediction of these losses; None when none applies."""
    for loss in losses:
        prediction = prediction_of(loss)
        label = next((one for one in loss.inputs if one.name in ("y_true", "label")), None)
        if prediction is not None and label is not None:
            break
    else:
        return None
    wide = plan.roles["pred"]
    width = len(wide) if len(wide) > 1 else plan.lengths.get(wide[0], (None,))[-1]
    setting = Setting(
        plan,
        request,
        decision,
        tuple(losses),
        tuple(columns),
        (label.name, label.role.reading),
        (prediction.name, prediction.role.reading),
        width,
    )
    asked = (checks_in(f"{_PACKAGE}.of_classes") if setting.of_classes else ()) + checks_in(_PACKAGE)
    checks = tuple(check for check in asked if check.applies(setting))
    return Watch(setting, checks) if checks else None
