"""From a configuration, files and options to a `Gate`; and the gate as a function of Python."""

from __future__ import annotations

import glob
import inspect
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscli.columns import ColumnRequest
from losscli.declaration import DEFAULT_DIALECT
from losscli.errors import InputError, UsageError
from losscli.gates.baseline import Baseline
from losscli.gates.changes import Statistics
from losscli.gates.configuration import (
    FILE_NAME,
    Configuration,
    LossTable,
    configured_losses,
    read_configuration,
    with_rules,
)
from losscli.gates.gate import Gate, Watcher
from losscli.gates.keys import ALLOW_MISSING, GATE, STATS, checked
from losscli.gates.passes import passes_of
from losscli.gates.result import GateReport
from losscli.gates.rules import parse_rule
from losscli.job import Settings
from losscli.readers.text_options import TextOptions
from losscli.reduction import Reduction
from losscli.registry import load_plugin

if TYPE_CHECKING:
    from losscli.gates.unpaired import SavedBaseline

DECIDING = (*STATS, *GATE, ALLOW_MISSING)
STATISTICS = tuple(key.name for key in DECIDING)

# Slices are a matter of the rules, and rows are not written.
_OF_COLUMNS = frozenset(inspect.signature(ColumnRequest.of).parameters) - {"by", "keep"}
_OF_SETTINGS = frozenset(field.name for field in fields(Settings)) - {"per_class", "level", "text"}
_OF_TEXT = frozenset(inspect.signature(TextOptions.of).parameters)


def gate(
    data: Any = None,
    *,
    config: str | None = None,
    rules: str | Sequence[str] = (),
    baseline: Any = None,
    loss: str | Sequence[str] | None = None,
    dialect: str | None = None,
    plugin: str | Sequence[str] = (),
    watch: Watcher | None = None,
    **options: Any,
) -> GateReport:
    """Check rules on predictions, as ``losscli gate`` does.

    data: as for `losscli.evaluate`, and so is `baseline`; without it the files
    that the configuration names.  config: the path of a configuration; without
    one and without `rules`, ``losscli.toml`` of this directory.  rules: texts
    such as ``"max=0.42"`` in the place of its rules.  What is left are the
    keywords of `losscli.evaluate` that say how to read and what to compute,
    loss parameters among them, and `level`, `correction`, `min_slice`, `cluster`,
    `on_inconclusive` and `allow_missing`; all of them win over the configuration.

    The verdict is in the result and not an exception; a `LosscliError` is
    raised for what cannot be evaluated or compared.
    """
    prepared = prepare_gate(
        data,
        config=config,
        rules=[rules] if isinstance(rules, str) else rules,
        baseline=baseline,
        losses=[loss] if isinstance(loss, str) else loss,
        dialect=dialect,
        plugins=[plugin] if isinstance(plugin, str) else plugin,
        options=options,
    )
    return prepared.run(watch)


def prepare_gate(
    data: Any,
    *,
    config: str | None,
    rules: Sequence[str],
    baseline: Any,
    losses: Sequence[str] | None,
    dialect: str | None,
    plugins: Sequence[str],
    options: Mapping[str, Any],
    spelled: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Gate:
    """The gate of a configuration and of options, which win over it; reads no rows.

    `options` are keywords of `gate`, only those that were given; `defaults`
    hold where neither they nor the configuration say anything.  Parameters of
    losses that were not written ``--name`` have their spelling in `spelled`.
    """
    for path in plugins:
        load_plugin(path)
    configuration = with_rules(_configuration(config, bool(rules)), [parse_rule(text) for text in rules])
    if not configuration.rules:
        raise UsageError(f"{configuration.path or 'gate'}: no rule", "a [[rule]], or --rule max=0.42")
    settled, parameters = _sorted_out(options)
    inputs = {**(defaults or {}), **configuration.inputs, **settled}
    for path in inputs.pop("plugin", ()):
        load_plugin(path)
    if losses:
        configuration = replace(
            configuration, losses=tuple(LossTable(text, dialect or DEFAULT_DIALECT) for text in losses)
        )
    elif dialect is not None:
        configuration = replace(
            configuration, losses=tuple(replace(table, dialect=dialect) for table in configuration.losses)
        )
    if not configuration.losses:
        raise UsageError("no loss selected", "a [loss] with a name, or --loss NAME")
    statistics = checked({name: inputs.pop(name) for name in STATISTICS if name in inputs}, DECIDING, "gate")
    configuration = replace(configuration, **statistics)
    data = _data(data, configuration)
    expressions = configured_losses(configuration.losses, parameters, spelled)
    passes = passes_of(configuration.rules, expressions)
    reference, missing = _baseline(baseline, configuration)
    compared = sum(bool(one.expressions(against_baseline=True)) for one in passes)
    for once, readings in (
        (data, len(passes) + (reference is not None)),
        (None if reference is None else reference.data, compared),
        (inputs.get("labels"), len(passes) + 2 * compared),
    ):
        _refuse_second_reading(once, readings)
    format = inputs.pop("format", "auto")
    prepared = Gate(
        data=data,
        passes=passes,
        rules=configuration.rules,
        request=ColumnRequest.of(**_chosen(inputs, _OF_COLUMNS)),
        settings=Settings(
            level=configuration.level,
            text=TextOptions.of(**_chosen(inputs, _OF_TEXT)),
            **_chosen(inputs, _OF_SETTINGS),
        ),
        format=format,
        statistics=Statistics(
            configuration.level, configuration.correction, configuration.min_slice, configuration.cluster
        ),
        on_inconclusive=configuration.on_inconclusive,
        baseline=reference,
        missing_baseline=missing,
        config=configuration.path,
        warnings=[] if missing is None else [f"the rules against a baseline are left out: {missing}"],
    )
    if prepared.jobs[0].reduction is Reduction.NONE:
        raise UsageError("rules are about a reduced loss, and --reduction none gives rows", "another reduction")
    return prepared


def _configuration(path: str | None, has_rules: bool) -> Configuration:
    """The configuration of a file: the one that is named, or the one that lies here."""
    if path is not None:
        return read_configuration(path)
    if Path(FILE_NAME).exists():
        return read_configuration(FILE_NAME)
    if has_rules:
        return Configuration()
    raise UsageError(
        f"no {FILE_NAME} here, and no --rule", "a configuration or a rule", "losscli init, or --rule max=0.42"
    )


def _sorted_out(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that say how to read and decide, and the parameters of losses, which are all others."""
    known = {*_OF_COLUMNS, *_OF_SETTINGS, *_OF_TEXT, *STATISTICS, "format"}
    return _chosen(options, known), {name: value for name, value in options.items() if name not in known}


def _chosen(options: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in names}


def _data(data: Any, configuration: Configuration) -> Any:
    given = data is not None and not (isinstance(data, Sequence) and not len(data))
    if given:
        return data
    if not configuration.data:
        where = f"{configuration.path}: [input] has no path, and none is given" if configuration.path else "no file"
        raise UsageError(where, "a file on the command line, or path in [input]")
    return list(configuration.data)


def _baseline(given: Any, configuration: Configuration) -> tuple[Baseline | SavedBaseline | None, str | None]:
    """The baseline of the rules that need one, or why there is none."""
    needing = [rule for rule in configuration.rules if rule.needs_baseline]
    if not needing:
        return None, None
    if given is not None:
        return _opened(given, configuration), None
    path = configuration.baseline
    if path is None:
        if not configuration.baseline_required:
            return None, "no baseline is named"
        raise UsageError(
            f'rule "{needing[0].name}" needs a baseline', "--baseline FILE, or path in [baseline]", "--baseline FILE"
        )
    if not configuration.baseline_required and not _is_there(path):
        return None, f"{path} does not exist"
    return _opened(path, configuration), None


def _is_there(path: str) -> bool:
    """Whether a path or a glob stands for a file; of an address that is known when it is opened."""
    return "://" in path or Path(path).exists() or bool(glob.glob(path))  # noqa: PTH207  # Path.glob takes no absolute one


def _opened(data: Any, configuration: Configuration) -> Baseline | SavedBaseline:
    """Predictions as they are, or the state that was saved in their place: a zip file, which no predictions are."""
    cluster, allow_missing = configuration.cluster, configuration.allow_missing
    if not isinstance(data, str | Path):
        return Baseline(data, "baseline", cluster, allow_missing)
    path = str(data)
    if path != "-" and not _is_there(path):
        # Not only when the baseline's turn comes, which may be after a long pass.
        raise InputError(f"{path}: no such baseline", "a file, a folder or a glob that stands for one")
    if Path(path).is_file() and zipfile.is_zipfile(path):
        from losscli.gates.unpaired import SavedBaseline

        if cluster is not None:
            raise UsageError(f"{path}: a saved state has no rows, so there are no clusters by {cluster}", "predictions")
        return SavedBaseline(path)
    return Baseline(path, path, cluster, allow_missing)


def _refuse_second_reading(data: Any, passes: int) -> None:
    """Pipes and iterators are there once; rules that need several passes need data that stays."""
    if passes < 2:
        return
    if isinstance(data, Iterator):
        raise UsageError(f"an iterator can be read once, and these rules take {passes} passes", "a table or a file")
    paths = [data] if isinstance(data, str | Path) else list(data) if isinstance(data, Sequence) else []
    for path in paths:
        if path == "-" or (isinstance(path, str | Path) and Path(path).is_fifo()):
            name = "standard input" if path == "-" else f"{path}: a pipe"
            raise UsageError(
                f"{name} can be read once, and these rules take {passes} passes",
                "rules without where and without a baseline, or a file",
            )
