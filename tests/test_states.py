"""Saved states: merging them is one pass over all the data, and nothing else is taken for one."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli import work
from losscli.errors import InputError, UsageError
from losscli.state import load_state, read_state, summaries
from losscli.summary import sample

ROOT = Path(__file__).parent.parent
ROWS = 30_000
# Groups that stay small, that grow beyond the rows kept only when parts meet, and that are large in every part.
CUTS = (0, 3_000, 15_000, ROWS)


def regression() -> dict[str, Any]:
    """Errors over many decades, slices of very different size with nulls, weights with zeros."""
    rng = np.random.default_rng(20_261_122)
    truth = rng.normal(size=ROWS)
    region = rng.choice(["north", "south", "", 'é\n"x"'], ROWS, p=[0.9, 0.09, 0.005, 0.005]).tolist()
    return {
        "y_true": truth,
        "y_pred": truth + rng.normal(size=ROWS) * 10.0 ** rng.integers(-12, 6, ROWS),
        "region": [None if row % 97 == 0 else name for row, name in enumerate(region)],
        "day": rng.integers(0, 40, ROWS),
        "w": np.where(rng.random(ROWS) < 0.1, 0.0, rng.lognormal(size=ROWS)),
    }


def gaps() -> dict[str, Any]:
    """Classes of which some are missing, probabilities of which some are 0, missing or NaN."""
    rng = np.random.default_rng(20_261_123)
    scores = rng.dirichlet([0.05, 0.1, 1.0], ROWS)
    label = rng.choice(["ant", "bee", "cat"], ROWS, p=[0.1, 0.3, 0.6]).tolist()
    scores[::501, 0] = np.nan
    wide = {f"prob_{name}": scores[:, place] for place, name in enumerate(("cat", "ant", "bee"))}
    return {
        "label": [None if row % 401 == 0 else name for row, name in enumerate(label)],
        **wide,
        "region": rng.choice(["a", "b"], ROWS),
        "w": rng.lognormal(size=ROWS),
    }


def binary() -> dict[str, Any]:
    """Two classes and logits, of which one is infinite."""
    rng = np.random.default_rng(20_261_124)
    logits = rng.normal(size=ROWS) * 30.0
    return {"y_true": rng.integers(0, 2, ROWS), "y_pred": 1.0 / (1.0 + np.exp(-logits)), "score": logits}


def extreme() -> dict[str, Any]:
    """Squares that overflow and others that vanish."""
    rng = np.random.default_rng(20_261_125)
    size = rng.choice([1e-320, 1e-170, 1.0, 1e150, 1e160], ROWS)
    return {"y_true": np.zeros(ROWS), "y_pred": size * rng.normal(size=ROWS), "g": rng.integers(0, 3, ROWS)}


PLAIN: dict[str, Any] = {"label": "y_true", "pred": "y_pred"}
PROBABILITIES: dict[str, Any] = {"label": "label", "pred": ["prob_cat", "prob_ant", "prob_bee"]}
REQUESTS: dict[str, tuple[Callable[[], dict[str, Any]], dict[str, Any]]] = {
    "losses": (regression, {**PLAIN, "loss": ["mse", "huber:delta=2", "rmse", "wape", "mix=0.5*mae+2*log_cosh"]}),
    "by": (regression, {**PLAIN, "loss": ["mae", "rmse", "wape"], "by": ["region", "region,day"]}),
    "bins": (regression, {**PLAIN, "loss": "mae", "by": ["day:0,10,30", "region,day:20"]}),
    "weighted": (regression, {**PLAIN, "loss": ["mae", "rmse", "wape"], "by": "region", "weight": "w"}),
    "set-level-sum": (regression, {**PLAIN, "loss": "risk=2*wape+0.5*mae", "weight": "w", "by": "region"}),
    "filtered": (regression, {**PLAIN, "loss": "mae", "by": "region", "where": "day >= 3 and region != 'south'"}),
    "sum": (regression, {**PLAIN, "loss": "mae", "weight": "w", "reduction": "sum"}),
    "skip": (gaps, {**PROBABILITIES, "loss": ["scce", "zero_one"], "nan": "skip", "by": "region"}),
    "propagate": (gaps, {**PROBABILITIES, "loss": ["scce", "zero_one"], "nan": "propagate", "weight": "w"}),
    "clipped": (binary, {**PLAIN, "loss": ["bce", "bce:label_smoothing=0.1,from_logits=false"], "dialect": "keras"}),
    "logits": (
        binary,
        {"label": "y_true", "pred": "score", "loss": ["bce", "binary_focal_crossentropy"], "pred_kind": "logit"},
    ),
    "extreme": (extreme, {**PLAIN, "loss": ["mse", "rmse", "mae"], "by": "g"}),
}


def without_inputs(evaluation: losscli.Evaluation) -> str:
    """The JSON document but for the list of inputs."""
    document = evaluation.to_dict()
    del document["inputs"]
    return json.dumps(document, allow_nan=False)


def members(path: Path) -> dict[str, Any]:
    """What a state holds but for the list of inputs."""
    with zipfile.ZipFile(path) as state:
        content: dict[str, Any] = {name: state.read(name) for name in state.namelist()}
    manifest = json.loads(content["manifest.json"])
    del manifest["inputs"]
    return {**content, "manifest.json": manifest}


def saved(data: Any, path: Path, request: dict[str, Any], **settings: Any) -> Path:
    losscli.evaluate(data, **request, **settings).save(path)
    return path


@pytest.fixture(scope="module", params=REQUESTS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """A table, what is asked of it, its evaluation in one pass with its state, and the states of its parts."""
    make, wanted = REQUESTS[request.param]
    table, folder = pa.table(make()), tmp_path_factory.mktemp("states")
    whole = losscli.evaluate(table, **wanted)
    whole.save(folder / "whole.state")
    parts = [saved(table.slice(first, end - first), folder / f"{first}.state", wanted) for first, end in pairwise(CUTS)]
    return table, wanted, whole, folder / "whole.state", parts


def test_merging_is_one_pass_bit_for_bit(case: tuple[Any, ...], tmp_path: Path) -> None:
    _, _, whole, state, parts = case
    merged = losscli.merge(parts)
    assert without_inputs(merged) == without_inputs(whole)
    merged.save(tmp_path / "merged.state")
    assert members(tmp_path / "merged.state") == members(state)


def test_merges_make_a_tree(case: tuple[Any, ...], tmp_path: Path) -> None:
    _, _, whole, _, (first, second, third) = case
    losscli.merge([third, first]).save(tmp_path / "some.state")
    assert without_inputs(losscli.merge([second, tmp_path / "some.state"])) == without_inputs(whole)


def test_a_state_says_what_was_saved(case: tuple[Any, ...]) -> None:
    _, _, whole, state, _ = case
    assert losscli.merge(state).to_dict() == json.loads(json.dumps(whole.to_dict()))


def test_the_same_rows_are_the_same_bytes(case: tuple[Any, ...], tmp_path: Path) -> None:
    table, wanted, _, state, _ = case
    shuffled = table.take(np.random.default_rng(3).permutation(ROWS))
    again = saved(shuffled, tmp_path / "again.state", wanted, chunk_rows=911, engine="serial")
    assert again.read_bytes() == state.read_bytes()


names = st.sampled_from(["a", "b", "", None])
number = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 5e-324, 1e-310, 1e170, -1e308, 1.0]))
rows = st.lists(
    st.tuples(number, number, st.sampled_from([0.0, 0.5, 1.0, 1e-200, 1e200]), names), min_size=2, max_size=24
)


@pytest.mark.parametrize("weight", [None, "w"])
@given(rows=rows, data=st.data())
@settings(max_examples=25)
def test_any_rows_merge_however_they_are_cut(
    weight: str | None, rows: list[tuple[Any, ...]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    columns = dict(zip(("y_true", "y_pred", "w", "g"), map(list, zip(*rows, strict=True)), strict=True))
    table = pa.table({**columns, "g": pa.array(columns["g"], pa.string())})
    wanted = {**PLAIN, "loss": ["mae", "rmse", "wape"], "by": "g", "weight": weight, "reduction": "mean"}
    cuts = sorted({0, len(rows), *data.draw(st.lists(st.integers(0, len(rows)), max_size=4))})
    order = data.draw(st.permutations(range(len(cuts) - 1)))
    with pytest.MonkeyPatch.context() as patch:
        # Few rows are kept, so that groups go over to bins at every turn.
        for module in (sample, summaries):
            patch.setattr(module, "SAMPLE_ROWS", 4)
        whole = losscli.evaluate(table, **wanted)
        whole.save(folder / "whole.state")
        parts = [
            saved(table.slice(cuts[part], cuts[part + 1] - cuts[part]), folder / f"{part}.state", wanted)
            for part in order
        ]
        merged = replace_duplicates(parts)
        assert without_inputs(merged) == without_inputs(whole)
        merged.save(folder / "merged.state")
        assert members(folder / "merged.state") == members(folder / "whole.state")


def replace_duplicates(parts: Sequence[Path]) -> losscli.Evaluation:
    """The merge of states, of which some may hold the same rows; the same state twice is refused by its bytes."""
    for number, part in enumerate(parts):
        with zipfile.ZipFile(part) as state:
            content = {name: state.read(name) for name in state.namelist()}
        manifest = json.loads(content["manifest.json"])
        manifest["inputs"][0][0] = f"part {number}"
        rewritten(part, {**content, "manifest.json": json.dumps(manifest).encode()})
    return losscli.merge(parts)


def rewritten(path: Path, content: dict[str, bytes]) -> Path:
    """The state at `path` with other members, whose checksums are right."""
    with zipfile.ZipFile(path, "w") as state:
        for name, data in content.items():
            state.writestr(name, data)
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A small state with classes, slices and two losses."""
    table = pa.table({name: column[:300] for name, column in gaps().items()})
    wanted = {**PROBABILITIES, "loss": ["scce", "zero_one"], "nan": "skip", "by": "region"}
    return saved(table, tmp_path / "small.state", wanted)


def part(tmp_path: Path, name: str, first: int, **changes: Any) -> Path:
    table = pa.table({name: column[first : first + 100] for name, column in regression().items()})
    return saved(table, tmp_path / f"{name}.state", {**PLAIN, "loss": "huber", **changes})


@pytest.mark.parametrize(
    "changes, difference",
    [
        ({"loss": "mae"}, r"the list of losses is huber in the first and mae in the second"),
        ({"delta": 2.0}, r"the signature is huber\|delta=1.0.* in the first and huber\|delta=2.0"),
        ({"dialect": "keras"}, r"the signature is .*losscli.* in the first and .*keras"),
        ({"nan": "skip"}, r"--nan is error in the first and skip in the second"),
        ({"reduction": "sum"}, r"the reduction is mean in the first and sum in the second"),
        ({"by": "region"}, r"--by is none in the first and region in the second"),
        ({"weight": "w"}, r"the reduction is mean in the first and mean_with_sample_weight"),
        ({"weight": "w", "reduction": "mean"}, r'"weight" is none in the first and w in the second'),
        ({"where": "day > 3"}, r'"where" is none in the first and day > 3'),
        ({"pred": "day"}, r'"pred" is y_pred in the first and day in the second'),
        ({"by": "day:3,10"}, r"--by is none"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_states_of_different_evaluations_are_refused(changes: dict[str, Any], difference: str, tmp_path: Path) -> None:
    one, other = part(tmp_path, "one", 0), part(tmp_path, "other", 100, **changes)
    with pytest.raises(InputError, match=r"one.state and .*other.state do not belong together: " + difference):
        losscli.merge([one, other])


def test_bins_of_other_edges_are_refused(tmp_path: Path) -> None:
    one, other = part(tmp_path, "one", 0, by="day:q3"), part(tmp_path, "other", 100, by="day:q4")
    with pytest.raises(InputError, match=r'"bins" is'):
        losscli.merge([one, other])


def test_intervals_are_as_saved_unless_states_disagree(tmp_path: Path) -> None:
    parts = [part(tmp_path, str(first), first, level=0.8, ci="normal") for first in (0, 100)]
    interval = losscli.merge(parts).to_dict()["interval"]
    assert interval == {"method": "normal", "level": 0.8}
    parts.append(part(tmp_path, "200", 200))
    assert losscli.merge(parts).to_dict()["interval"] == {"method": "hall", "level": 0.95}


def test_a_state_counts_once(state: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"small.state is there twice"):
        losscli.merge([state, state])
    (tmp_path / "link.state").symlink_to(state)
    with pytest.raises(UsageError, match=r"link.state, which is .*small.state, is there twice"):
        losscli.merge([state, tmp_path / "link.state"])
    copy = shutil.copy(state, tmp_path / "copy.state")
    with pytest.raises(InputError, match=r"copy.state: the same state as .*small.state, byte for byte"):
        losscli.merge([state, copy])


def test_a_file_in_two_states_is_told(tmp_path: Path) -> None:
    table = pa.table({name: column[:100] for name, column in regression().items()})
    for name, rows in (("a", table), ("b", table.slice(0, 50))):
        pq.write_table(rows, tmp_path / f"{name}.parquet")
    both = saved([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "ab.state", {**PLAIN, "loss": "mae"})
    one = saved(tmp_path / "a.parquet", tmp_path / "a.state", {**PLAIN, "loss": "mae"})
    (warning,) = losscli.merge([both, one]).to_dict()["warnings"]
    assert "a.parquet (100 rows) is an input of" in warning


def test_what_needs_all_rows_at_once_has_no_state(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"label": rng.integers(0, 3, 20).astype(str), "v": rng.normal(size=(20, 2)).tolist()})
    found = losscli.evaluate(table, "circle", label="label", pred="v", normalize=True)
    with pytest.raises(UsageError, match="needs all rows at once, so it has no state"):
        found.save(tmp_path / "cox.state")
    assert list(tmp_path.iterdir()) == []


def test_too_many_groups_are_refused_when_states_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [part(tmp_path, str(first), first, by="day") for first in (0, 100)]
    monkeypatch.setattr(work, "MOST_GROUPS", 39)
    with pytest.raises(InputError, match=r"--by day: 40 different values in 200 rows"):
        losscli.merge(parts)


def test_a_plain_total_takes_a_few_kilobytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    table = pa.table({"y_true": rng.normal(size=100_000), "y_pred": rng.normal(size=100_000)})
    assert saved(table, tmp_path / "total.state", {**PLAIN, "loss": "mae"}).stat().st_size < 8_000


def test_numpy_reads_a_state(state: Path) -> None:
    arrays = np.load(state, allow_pickle=False)
    names = [name for name in arrays.files if name != "manifest.json"]
    assert names == ["counts", "ends", "bins", "middles", "masses", "exponents", "sizes", "digits", "values"]
    whole = 0
    found = []
    for exponent, size in zip(arrays["exponents"].tolist(), arrays["sizes"].tolist(), strict=True):
        digits = arrays["digits"][whole : whole + size].tobytes()
        found.append(int.from_bytes(digits, "little", signed=True) * 2.0**exponent)
        whole += size
    # The first sum is that of the first loss over all rows.
    (count, *_), total = arrays["counts"][0].tolist(), losscli.merge(state).to_dict()["results"][0]["total"]
    assert (count, found[0]) == (total["count"], total["sum"])
    np.testing.assert_allclose(arrays["values"][:count].sum(), found[0], rtol=1e-12)


def test_the_rows_kept_and_the_bins_are_part_of_the_format() -> None:
    # Another of these makes losscli-state/2: older states would be read as if theirs were it.
    assert (sample.SAMPLE_ROWS, summaries.TOTAL_BITS, summaries.GROUP_BITS) == (10_000, 7, 5)


def test_a_state_of_the_first_format_is_read_for_ever() -> None:
    golden = ROOT / "tests" / "golden" / "state-1.state"
    found = losscli.merge(golden)
    # Labels 2; absolute errors 1, 2, 3 of weights 1, 0, 2 in the slices "a", null, "a".
    assert found.losses == {"mae": 7.0 / 3.0, "wape": 7.0 / 6.0}
    assert [(row.key["g"], row.count, row.loss) for row in found.slices] == [("a", 2, 7.0 / 3.0), (None, 1, None)]


def test_the_statistics_of_a_state_are_those_of_its_report(state: Path) -> None:
    first, second = load_state(str(state))
    document = losscli.merge(state).to_dict()["results"]
    assert [one.signature for one in (first, second)] == [one["signature"] for one in document]
    assert first.total is not None
    for row, found in (
        (document[0]["total"], first.total),
        *((one, first.classes[one["class"]]) for one in document[0]["classes"]),
        *((one, first.slices[("region", one["by"]["region"]),]) for one in document[0]["slices"]),
    ):
        assert (row["count"], row["mean"], row["std"], row["sem"]) == (found.count, found.mean, found.std, found.sem)
        assert found.skewness is not None


def unreadable(path: Path) -> str | None:
    """The refusal of a state, or None with a result."""
    try:
        losscli.merge(path)
    except InputError as refusal:
        return refusal.problem
    return None


def test_damaged_states_are_refused_or_sound(state: Path, tmp_path: Path) -> None:
    data, expected = state.read_bytes(), losscli.merge(state).to_dict()
    rng = np.random.default_rng(11)
    damaged = tmp_path / "damaged.state"
    refused = 0
    for number in range(600):
        changed = bytearray(data)
        match number % 3:
            case 0:
                changed[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
            case 1:
                del changed[int(rng.integers(len(data))) :]
            case 2:
                place = int(rng.integers(len(data)))
                changed[place : place + 20] = rng.integers(0, 256, 20, np.uint8).tobytes()
        damaged.write_bytes(bytes(changed))
        problem = unreadable(damaged)
        refused += problem is not None and str(damaged) in problem
        if problem is None:
            # A bit that means nothing, such as one of a date.
            assert losscli.merge(damaged).to_dict() == expected
    assert refused > 500


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def _set(manifest: dict[str, Any], place: Sequence[Any], value: Any) -> None:
    for step in place[:-1]:
        manifest = manifest[step]
    manifest[place[-1]] = value


FORGERIES: dict[str, tuple[str, Any]] = {
    "no counts": ("counts.npy", None),
    "objects": ("counts.npy", npy(np.array([{}], object), allow_pickle=True)),
    "floats for counts": ("counts.npy", npy(np.zeros((14, 5)))),
    "negative counts": ("counts.npy", npy(np.full((14, 5), -1, "<i8"))),
    "few counts": ("counts.npy", npy(np.zeros((3, 5), "<i8"))),
    "flat ends": ("ends.npy", npy(np.zeros(28))),
    "bins for kept rows": ("bins.npy", npy(np.ones(14, "<i8"))),
    "huge exponents": ("exponents.npy", npy(np.full(70, 1 << 30, "<i4"))),
    "negative sizes": ("sizes.npy", npy(np.full(70, -1, "<i4"))),
    "no digits": ("digits.npy", npy(np.zeros(0, np.uint8))),
    "values of nan": ("values.npy", npy(np.full(2000, np.nan))),
    "few values": ("values.npy", npy(np.zeros(3))),
    "more behind an array": ("ends.npy", npy(np.zeros((14, 2))) + b"more"),
    "schema": ("manifest.json", (["schema"], "losscli/1")),
    "signature": ("manifest.json", (["losses", 0, "signature"], "huber")),
    "parameter": ("manifest.json", (["losses", 0, "terms", 0, "params"], {"nothing": 1})),
    "no terms": ("manifest.json", (["losses", 0, "terms"], [])),
    "rows as text": ("manifest.json", (["rows", "used"], "many")),
    "negative rows": ("manifest.json", (["rows", "skipped"], -3)),
    "fewer slices": ("manifest.json", (["keys", "slices"], [[["a"]]])),
    "a slice twice": ("manifest.json", (["keys", "slices"], [[["a"], ["a"]]])),
    "no measures": ("manifest.json", (["measures"], [])),
    "weights": ("manifest.json", (["weighted"], True)),
    "level": ("manifest.json", (["shown", "level"], 2.0)),
    "method": ("manifest.json", (["shown", "ci"], "guess")),
    "policy": ("manifest.json", (["nan"], "ignore")),
    "reduction": ("manifest.json", (["reduction"], "max")),
    "list": ("manifest.json", b"[]"),
    "nested": ("manifest.json", b"[" * 100_000),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_states_are_refused(forgery: str, state: Path) -> None:
    name, value = FORGERIES[forgery]
    with zipfile.ZipFile(state) as file:
        content = {name: file.read(name) for name in file.namelist()}
    if isinstance(value, tuple):
        manifest = json.loads(content["manifest.json"])
        _set(manifest, *value)
        value = json.dumps(manifest).encode()
    rewritten(state, {one: value if one == name else data for one, data in content.items() if value or one != name})
    assert unreadable(state) is not None


def test_a_later_format_says_so(state: Path) -> None:
    with zipfile.ZipFile(state) as file:
        content = {name: file.read(name) for name in file.namelist()}
    manifest = {**json.loads(content["manifest.json"]), "schema": "losscli-state/2"}
    rewritten(state, {**content, "manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(InputError, match="a state of format 2, which a newer losscli wrote"):
        losscli.merge(state)


def test_a_loss_that_is_not_known_names_the_plugin_option(state: Path) -> None:
    with zipfile.ZipFile(state) as file:
        content = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(content["manifest.json"])
    manifest["losses"][0]["terms"][0]["loss"] = "ours"
    rewritten(state, {**content, "manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(UsageError, match="its loss ours is not known here") as refusal:
        losscli.merge(state)
    assert refusal.value.fix == "--plugin FILE.py"


def test_rows_that_are_kept_have_one_order() -> None:
    values, weights = np.array([0.0, -0.0, 1.0, -0.0]), np.array([1.0, 3.0, -0.0, 2.0])
    orders = {
        tuple(
            column.tobytes() for column in summaries.canonical_rows(values[order], weights[order]) if column is not None
        )
        for order in map(np.array, permutations(range(4)))
    }
    assert len(orders) == 1


def test_the_merge_of_one_state_is_a_copy(state: Path, tmp_path: Path) -> None:
    losscli.merge(state).save(tmp_path / "copy.state")
    assert (tmp_path / "copy.state").read_bytes() == state.read_bytes()


def test_reading_leaves_the_outcome_as_it_was_saved(state: Path) -> None:
    outcome, _ = read_state(str(state))
    again, _ = read_state(str(state))
    assert outcome.provenance == again.provenance
    assert outcome.report().to_dict() == again.report().to_dict()


def run(*arguments: str, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "losscli", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
        timeout=60,
        **options,
    )


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a.csv and b.csv and their states."""
    folder = tmp_path_factory.mktemp("parted")
    (folder / "a.csv").write_text("y_true,y_pred,g\n1,2,x\n3,5,y\n")
    (folder / "b.csv").write_text("y_true,y_pred,g\n0,4,x\n")
    for name in "ab":
        done = run("eval", f"{name}.csv", "-l", "mae", "--by", "g", "-o", f"state={name}.state", "-q", folder=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_the_command_prints_what_one_pass_prints(parted: Path) -> None:
    merged = run("merge", "a.state", "b.state", "-f", "json", folder=parted)
    evaluated = run("eval", "a.csv", "b.csv", "-l", "mae", "--by", "g", "-f", "json", folder=parted)
    assert (merged.returncode, merged.stdout, merged.stderr) == (0, evaluated.stdout, "")
    assert run("merge", "?.state", "-q", folder=parted).stdout == f"{7 / 3!r}\n"


def test_the_command_writes_and_judges(parted: Path) -> None:
    done = run("merge", "a.state", "b.state", "-o", "state=ab.state", "-o", "md=ab.md", "-q", folder=parted)
    assert (done.returncode, done.stderr) == (0, "")
    (parted / "ab.md").unlink()
    failed = run("merge", "ab.state", "--fail-above", "mae=2", "--ci", "none", "-f", "json", folder=parted)
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["results"][0]["total"]["ci"] is None
    assert "FAIL mae" in failed.stderr
    (parted / "ab.state").unlink()


@pytest.mark.parametrize(
    "arguments, code, problem",
    [
        (("merge",), 2, "missing argument"),
        (("merge", "a.state", "a.state"), 2, "a.state is there twice"),
        (("merge", "a.state", "-o", "state=a.state"), 2, "the output is also an input"),
        (("merge", "a.state", "-o", "rows=r.csv"), 2, "states hold no rows"),
        (("merge", "a.state", "--level", "2"), 2, "is not a confidence level"),
        (("merge", "a.state", "--ci", "guess"), 2, "no interval method guess"),
        (("merge", "a.state", "--fail-above", "huber=1"), 2, "is not one of the selected losses"),
        (("merge", "none.state"), 3, "none.state: no such file"),
        (("merge", "*.nothing"), 3, "no file matches *.nothing"),
        (("merge", "a.csv"), 3, "a.csv: not a readable state"),
        (("merge", "."), 3, ".: cannot be read"),
        (("merge", "a.state", "-o", "state=no/dir.state"), 3, "the directory no does not exist"),
        (("eval", "a.csv", "-l", "mae", "--reduction", "none", "-o", "state=s"), 2, "has no state to merge"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refusals_have_their_exit_code(parted: Path, arguments: tuple[str, ...], code: int, problem: str) -> None:
    before = sorted(path.name for path in parted.iterdir())
    done = run(*arguments, folder=parted)
    assert (done.returncode, done.stdout) == (code, "")
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in parted.iterdir()) == before


def test_a_full_disk_leaves_the_old_state(parted: Path) -> None:
    """A limit on the size of files fails a write as a full disk does."""
    import resource

    before = (parted / "a.state").read_bytes()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))

    # SIGXFSZ is ignored by Python, so that the write fails with an error.
    done = run("eval", "b.csv", "-l", "mae", "-o", "state=a.state", "-q", folder=parted, preexec_fn=limit)
    assert (done.returncode, done.stdout) == (3, "")
    assert "a.state: cannot be written: file too large" in done.stderr
    assert done.stderr.count("\n") == 2, done.stderr
    assert (parted / "a.state").read_bytes() == before
    assert not [path for path in parted.iterdir() if path.name.startswith(".losscli")]
