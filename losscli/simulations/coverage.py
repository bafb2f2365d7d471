"""How often the intervals of a mean hold the truth: ``python -m losscli.simulations.coverage --runs 2000``.

Losses are drawn from distributions whose mean is known, and each interval is
computed as ``losscli eval --ci`` computes it.  A 95 % interval should hold the
mean in 95 % of the runs; with skewed losses and few rows it holds it in fewer.
The table of the README is printed by this script.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator

import numpy as np

from losscli.estimand import Estimand, estimand_of
from losscli.expression import parse_expression
from losscli.records import dataclass
from losscli.reduction import Reduction
from losscli.resampling import ResampleSums, Resampling
from losscli.roles import FloatArray
from losscli.summary import LossSummary, confidence_interval
from losscli.summary.bootstrap import buckets_of

SIZES = (40, 200, 2_000)
METHODS = ("normal", "hall", "bootstrap")
LEVEL = 0.95
# An event in one of so many rows, such as a rare error.
RARE = 0.05


@dataclass(frozen=True)
class Distribution:
    """Losses as they are drawn, and their mean."""

    name: str
    draw: Callable[[np.random.Generator, int], FloatArray]
    mean: float


DISTRIBUTIONS = (
    Distribution("normal", lambda rng, count: rng.normal(size=count), 0.0),
    Distribution("exponential", lambda rng, count: rng.exponential(size=count), 1.0),
    Distribution("lognormal(0, 1)", lambda rng, count: rng.lognormal(0.0, 1.0, count), math.exp(0.5)),
    Distribution("lognormal(0, 1.5)", lambda rng, count: rng.lognormal(0.0, 1.5, count), math.exp(1.125)),
    Distribution(f"Bernoulli({RARE:g})", lambda rng, count: (rng.random(count) < RARE).astype(float), RARE),
)


def intervals(values: FloatArray, level: float = LEVEL) -> dict[str, tuple[float, float] | None]:
    """The interval of the mean of losses (n,) by each method."""
    summary = LossSummary(weighted=False, grouped=False)
    summary.update(values, None, None, 1)
    found = summary.statistics(None, ())
    if found.mean is None or found.sem is None:
        return dict.fromkeys(METHODS)
    resamples = ResampleSums(_mean(), 0, Resampling())
    buckets = buckets_of(np.arange(values.size, dtype=np.uint64), 0)
    resamples.update([[[values]]], None, buckets, ())
    return {
        "normal": confidence_interval(found.mean, found.sem, found.skewness, found.count, level, "normal"),
        "hall": confidence_interval(found.mean, found.sem, found.skewness, found.count, level, "hall"),
        "bootstrap": resamples.interval(None, 0, found.mean, found.count, level),
    }


def coverage(distribution: Distribution, count: int, runs: int, seed: int) -> dict[str, float]:
    """The share of runs in which each interval of the mean of `count` losses holds the truth."""
    held = dict.fromkeys(METHODS, 0)
    for run in range(runs):
        values = distribution.draw(np.random.default_rng([seed, count, run]), count)
        for method, interval in intervals(values).items():
            held[method] += interval is not None and interval[0] <= distribution.mean <= interval[1]
    return {method: hits / runs for method, hits in held.items()}


def table(runs: int, seed: int) -> Iterator[str]:
    """The lines of a Markdown table, one for each distribution and number of rows."""
    yield "| losses | rows | " + " | ".join(METHODS) + " |"
    yield "| --- | ---: |" + " ---: |" * len(METHODS)
    for distribution in DISTRIBUTIONS:
        for count in SIZES:
            found = coverage(distribution, count, runs, seed)
            shares = " | ".join(f"{100 * found[method]:.1f} %" for method in METHODS)
            yield f"| {distribution.name} | {count:,} | {shares} |"


def _mean() -> Estimand:
    return estimand_of(parse_expression("mean_absolute_error"), Reduction.MEAN, weighted=False)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000, help="simulated files of each kind")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for line in table(asked.runs, asked.seed):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
