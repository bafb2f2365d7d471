"""What is measured: a file, the losscli command, and the same as SQL.

Every peer loads this module, so that it imports next to nothing.
"""

from __future__ import annotations

from typing import NamedTuple

CLASSES = 10

QUANTILES = (0.5, 0.9, 0.99)

_ERROR = "abs(y_true - y_pred)"
HUBER = f"case when {_ERROR} <= 1 then 0.5 * {_ERROR} * {_ERROR} else {_ERROR} - 0.5 end"
_CLIPPED = "greatest(least({0}, 1 - 1e-7), 1e-7)"
BINARY = "-ln(" + _CLIPPED.format("case when label = 1 then prob else 1 - prob end") + ")"
_PICKED = "(case label " + " ".join(f"when {one} then prob_{one}" for one in range(CLASSES)) + " end)::double"
_TOTAL = " + ".join(f"prob_{one}::double" for one in range(CLASSES))
CATEGORICAL = "-ln(" + _CLIPPED.format(f"{_PICKED} / ({_TOTAL})") + ")"


class Job(NamedTuple):
    """One measurement.

    `losses` are SQL expressions of a row's loss, in the order of the losses in
    `options`, which are those of ``losscli eval``.  With `quantiles` the peers
    compute them too; losscli always does.
    """

    file: str
    options: tuple[str, ...]
    losses: tuple[str, ...]
    by: str | None = None
    weight: str | None = None
    quantiles: bool = False


_HUBER_OPTIONS = ("-l", "huber", "-y", "y_true", "-p", "y_pred")
_BY_REGION = (*_HUBER_OPTIONS, "--by", "region")
_PROBS = ",".join(f"prob_{one}" for one in range(CLASSES))

JOBS = {
    "huber": Job("regression.parquet", _HUBER_OPTIONS, (HUBER,)),
    "huber, quantiles": Job("regression.parquet", _HUBER_OPTIONS, (HUBER,), quantiles=True),
    "huber, one row group": Job("single.parquet", _HUBER_OPTIONS, (HUBER,)),
    "huber by region": Job("regions.parquet", _BY_REGION, (HUBER,), by="region"),
    "huber by region, quantiles": Job("regions.parquet", _BY_REGION, (HUBER,), by="region", quantiles=True),
    "huber, weights": Job("weights.parquet", (*_HUBER_OPTIONS, "-w", "w"), (HUBER,), weight="w"),
    "three losses": Job(
        "regression.parquet",
        (*_HUBER_OPTIONS, "-l", "mae", "-l", "mse"),
        (HUBER, _ERROR, "pow(y_true - y_pred, 2)"),
    ),
    "binary cross-entropy": Job(
        "binary.parquet", ("-l", "binary_crossentropy", "-y", "label", "-p", "prob"), (BINARY,), by="label"
    ),
    "categorical cross-entropy": Job(
        "classes.parquet",
        ("-l", "sparse_categorical_crossentropy", "-y", "label", "-p", _PROBS),
        (CATEGORICAL,),
        by="label",
    ),
    "huber, CSV": Job("regression.csv", _HUBER_OPTIONS, (HUBER,)),
    "huber, tiny CSV": Job("tiny.csv", _HUBER_OPTIONS, (HUBER,)),
}


def query(job: Job, path: str) -> str:
    """The job as SQL: for each group count, then mean, deviation, minimum, maximum of every loss."""
    names = [f"l{place}" for place in range(len(job.losses))]
    carried = [one for one in (job.by, job.weight) if one]
    rows = ", ".join([*carried, *(f"{loss} as {name}" for loss, name in zip(job.losses, names, strict=True))])
    readings = [job.by] if job.by else []
    readings.append("count(*)")
    for name in names:
        readings += _readings(name, job)
    grouping = f" group by {job.by}" if job.by else ""
    return f"select {', '.join(readings)} from (select {rows} from '{path}'){grouping}"


def _readings(name: str, job: Job) -> list[str]:
    if job.weight:
        mean = f"sum({job.weight} * {name}) / sum({job.weight})"
        spread = f"sqrt(sum({job.weight} * {name} * {name}) / sum({job.weight}) - pow({mean}, 2))"
        readings = [mean, spread]
    else:
        readings = [f"avg({name})", f"stddev({name})"]
    readings += [f"min({name})", f"max({name})"]
    if job.quantiles:
        readings += [f"approx_quantile({name}, {p})" for p in QUANTILES]
    return readings
