"""How often a gate fails models that are equally good, and how often it finds one that is worse.

    python -m losscli.simulations.gates [--runs 200] [--slices 20] [--rows 2000] [--seed 0]

The losses of baseline and candidate on a row are exponential with mean 1 and
correlation 0.8, as of two trainings of one model.  One set of runs has equal
models; in the other the candidate's loss is 3 % larger in one slice.  Tables
are compared and decided about by what ``losscli gate`` runs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from losscli.columns import ColumnRequest
from losscli.comparison import Difference, compare
from losscli.expression import select_losses
from losscli.gates.changes import Claim, Statistics, decided
from losscli.gates.rules import Test, parse_rule
from losscli.gates.verdicts import Correction, Verdict
from losscli.job import Settings
from losscli.records import dataclass
from losscli.summary.student import student_quantile

if TYPE_CHECKING:
    import pyarrow as pa

    from losscli.roles import FloatArray

CORRELATION = 0.8
REGRESSION = 0.03
LIMITS = ("0%", "1%")

# The slice that is worse in the second set of runs.
HARMED = "s00"


@dataclass(frozen=True)
class Strategy:
    """A way to gate: its name in the table, the test of its rule, and the correction."""

    name: str
    test: Test
    correction: Correction


STRATEGIES = (
    Strategy("paired tests, Holm (the default)", "regression", "holm"),
    Strategy("paired tests, Benjamini-Hochberg", "regression", "bh"),
    Strategy("paired tests, uncorrected", "regression", "none"),
    Strategy("point estimates", "point", "none"),
)


def losses(rng: np.random.Generator, rows: int) -> tuple[FloatArray, FloatArray]:
    """The losses of two equal models on the same rows, ``(rows,)`` each.

    Gamma variables of shapes 0.8 and 0.2 add to an exponential one, so the
    part that both share is their correlation.
    """
    shared = rng.gamma(CORRELATION, size=rows)
    base, cand = (shared + rng.gamma(1.0 - CORRELATION, size=rows) for _ in range(2))
    return base, cand


def differences(base: pa.Table, cand: pa.Table) -> Sequence[Difference]:
    """The paired differences of the slices, as a gate has them."""
    comparison = compare(
        base, [cand], select_losses(["mae"]), request=ColumnRequest.of(by="slice"), settings=Settings(threads=1)
    )
    return comparison.candidates[0].results[0].slices


def failing(strategy: Strategy, limit: str, slices: Sequence[Difference]) -> set[str]:
    """The slices that the gate of a strategy fails."""
    rule = parse_rule(f"max_increase={limit},by=slice,test={strategy.test}")
    claims = [Claim(rule, rule.changes[0], one, "mae") for one in slices]
    checks = decided(claims, Statistics(correction=strategy.correction))
    return {str(check.key["slice"]) for check in checks if check.verdict is Verdict.FAIL}


def simulated(runs: int, slices: int, rows: int, seed: int) -> Iterator[tuple[str, str, float, float]]:
    """For each strategy and limit, the shares of equal models that fail and of harmed slices that are found."""
    alarms = dict.fromkeys(((one, limit) for one in STRATEGIES for limit in LIMITS), 0)
    found = dict(alarms)
    rng = np.random.default_rng(seed)
    names = np.repeat([f"s{place:02d}" for place in range(slices)], rows)
    for _ in range(runs):
        base, cand = losses(rng, slices * rows)
        harmed = np.where(names == HARMED, 1.0 + REGRESSION, 1.0) * cand
        baseline = _table(base, names)
        equal, worse = (differences(baseline, _table(values, names)) for values in (cand, harmed))
        for key in alarms:
            alarms[key] += bool(failing(*key, equal))
            found[key] += HARMED in failing(*key, worse)
    for strategy, limit in alarms:
        yield strategy.name, limit, alarms[strategy, limit] / runs, found[strategy, limit] / runs


def _table(values: FloatArray, names: np.ndarray) -> pa.Table:
    import pyarrow as pa

    return pa.table({"y_true": np.zeros(len(values)), "y_pred": values, "slice": names})


def markdown(rows: Sequence[tuple[str, str, float, float]], runs: int) -> str:
    """The shares as a table, with their 95 % intervals."""
    lines = ["| gate | limit | equal models that fail | 3 % regressions found |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {name} | {limit} | {_share(alarm, runs)} | {_share(power, runs)} |" for name, limit, alarm, power in rows
    ]
    return "\n".join(lines) + "\n"


def _share(share: float, runs: int) -> str:
    """A share with Wilson's interval: Wilson, E. B. (1927). J. Am. Stat. Assoc. 22:209-212."""
    z = student_quantile(0.975, math.inf)
    center = (share + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z / (1 + z * z / runs) * math.sqrt(share * (1 - share) / runs + z * z / (4 * runs * runs))
    return f"{share:.1%} ({center - half:.1%} to {center + half:.1%})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m losscli.simulations.gates", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--rows", type=int, default=2000, help="rows of each slice")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    rows = list(simulated(given.runs, given.slices, given.rows, given.seed))
    print(f"{given.runs} runs, {given.slices} slices of {given.rows:,} rows, seed {given.seed}\n")
    print(markdown(rows, given.runs), end="")


if __name__ == "__main__":
    main()
