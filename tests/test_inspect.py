"""What inspect says of a file: its columns, each choice with its reason, the alternatives, the flags."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import losscli
from losscli.__main__ import run
from losscli.columns import Look
from losscli.errors import InputError
from losscli.readers import open_sources

WINE = "sample_data/wine.csv"


def file_of(folder: Path, text: str, name: str = "preds.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def document(path: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["inspect", path, "-f", "json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_columns_come_with_types_ranges_and_missing_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, "id,y_true,y_pred,split\na,1.5,2,test\nb,,3,test\nc,-1,4,train\n")
    found = document(path, capsys)
    assert found["inputs"] == [{"path": path, "format": "csv", "rows": 3, "bytes": Path(path).stat().st_size}]
    assert found["rows_looked_at"] == 3
    by_name = {column["name"]: column for column in found["table"]}
    assert by_name["y_true"] == {
        "name": "y_true",
        "type": "text",
        "kind": "number",
        "missing": 1,
        "distinct": 2,
        "values": ["-1", "1.5"],
        "min": -1.0,
        "max": 1.5,
    }
    assert (by_name["split"]["kind"], by_name["split"]["values"]) == ("text", ["test", "train"])
    assert found["offers"] == {"--weight": [], "--id": ["id"], "--by": ["split"]}


def test_every_choice_has_a_reason_and_its_alternatives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, "price,predicted_price,forecast\n1,2,3\n2,2,2\n3,3.5,1\n")
    (mapping,) = document(path, capsys, "-l", "mae")["mappings"]
    assert mapping["columns"] == {
        "label": {"columns": ["price"], "why": 'as "predicted_price" is named after it', "alternatives": []},
        "pred": {"columns": ["predicted_price"], "why": "by its name", "alternatives": ["forecast"]},
    }
    assert mapping["warnings"] == [f'{path}: pred could be "predicted_price" or "forecast"; taking the first']
    assert mapping["flags"] == "-y price -p predicted_price"


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("y_true,y_pred\n1.5,2\n2.5,2\n", ["regression"]),
        ("y_true,y_pred\n100,90.5\n200,210.25\n", ["regression"]),
        ("y_true,y_pred\n1,0.75\n0,0.25\n", ["binary"]),
        ("y_true,prob_a,prob_b,prob_c\na,0.5,0.25,0.25\nb,0.5,0.25,0.25\n", ["multiclass"]),
        ("y_true,prob_0,prob_1\n1,0.5,0.5\n0,0.75,0.25\n", ["multiclass", "binary"]),
        ("y_true,prob\nno,0.5\nyes,0.75\n", ["binary"]),
    ],
)
def test_tasks_that_fit_are_told_by_the_values(text: str, tasks: list[str], tmp_path: Path) -> None:
    found = losscli.inspect(file_of(tmp_path, text))
    assert [one.task for one in found.mappings] == tasks
    assert list(found.fits) == tasks
    for task, loss in (("regression", "huber"), ("binary", "binary_crossentropy"), ("multiclass", "nll")):
        assert (loss in found.fits.get(task, ())) is (task in tasks)


def test_flags_are_one_line_that_a_shell_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'true label,"p of ""it\'s"", $1",p of $(b)\nx,0.5,0.5\ny,0.25,0.75\n'
    path = file_of(tmp_path, text)
    arguments = ["-y", "true label", "-p", "p of*", "--classes", "y,x"]
    assert run(["inspect", path, "-l", "scce", "--flags", *arguments]) == 0
    line = capsys.readouterr().out
    assert line.endswith("\n")
    assert shlex.split(line) == ["-y", "true label", "-p", "p of *", "--classes", "y,x", "--pred-kind", "prob"]


def test_option_like_names_do_not_become_options(tmp_path: Path) -> None:
    path = file_of(tmp_path, "-y,-p\n1,2\n2,4\n")
    found = losscli.inspect(path, "mae", label="-y", pred="-p")
    assert found.mapping.flags == ("--label=-y", "--pred=-p")
    assert run(["eval", path, "-l", "mae", "-q", *found.mapping.flags]) == 0


def test_other_inputs_and_rows_are_pinned_too(tmp_path: Path) -> None:
    path = file_of(tmp_path, "key,y,yhat_lower,yhat_upper,w,age\na,1,0,2,1,5\nb,2,1,3,2,70\n")
    found = losscli.inspect(path, "interval_score", weight="w", id="key", by="age:0,18,65")
    assert shlex.split(found.flags) == [
        *("-y", "y", "--col", "lower=yhat_lower", "--col", "upper=yhat_upper"),
        *("-w", "w", "--by", "age:0,18,65", "--id", "key"),
    ]


def test_flags_say_how_the_file_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, "1,5;2,5\n2;4\n", "preds.txt")
    how = ["--format", "csv", "--delimiter", ";", "--decimal", ",", "--no-header"]
    found = losscli.inspect(path, "mae", label="c1", pred="c2", format="csv", delimiter=";", decimal=",", header=False)
    assert list(found.mapping.flags) == ["-y", "c1", "-p", "c2", *how]
    assert run(["eval", path, "-l", "mae", "-q", *found.mapping.flags]) == 0
    assert capsys.readouterr().out == "1.5\n"


def test_question_for_the_positive_class_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path, "y_true,prob\nbad,0.8\ngood,0.25\n")
    assert run(["inspect", path]) == 0
    assert "try: --pos-label good, or --pos-label bad" in capsys.readouterr().out
    assert run(["inspect", path, "--flags"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "either may be the positive class" in printed.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("-l", "no_such_loss"), 2),
        (("-f", "md"), 2),
        (("-y", "no_such_column", "-l", "mae"), 3),
        (("-l", "scce"), 3),
        (("--format", "odt"), 2),
    ],
)
def test_exit_codes_are_those_of_the_contract(
    arguments: tuple[str, ...], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path, "y_true,y_pred\n1.5,2\n2.5,2\n")
    assert run(["inspect", path, *arguments]) == code
    assert capsys.readouterr().out == ""


def test_nothing_to_inspect_is_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", file_of(tmp_path, "y_true,y_pred\n")]) == 5
    assert run(["inspect", file_of(tmp_path, "")]) == 5
    assert run(["inspect", str(tmp_path / "missing.csv")]) == 3
    assert capsys.readouterr().out == ""


def test_files_of_one_evaluation_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [file_of(tmp_path, f"y_true,y_pred\n{one},1\n", f"part-{one}.csv") for one in (1, 2)]
    assert run(["inspect", *paths]) == 0
    printed = capsys.readouterr().out
    assert [line.partition(":")[0] for line in printed.splitlines()[:2]] == paths
    other = file_of(tmp_path, "y_true,z\n1,1\n", "part-3.csv")
    with pytest.raises(InputError, match='no column "y_pred"'):
        losscli.inspect([*paths, other], "mae")


def test_look_is_the_same_whatever_the_format_is(tmp_path: Path) -> None:
    labels = np.array([0, 1, 2, 1], np.int64)
    table = pa.table({"label": labels, "score": [0.5, None, 0.25, 1.0], "name": ["a", "b", "a", None]})
    parquet.write_table(table, tmp_path / "preds.parquet")
    text = "label,score,name\n0,0.5,a\n1,,b\n2,0.25,a\n1,1.0,\n"
    found = []
    for path in (str(tmp_path / "preds.parquet"), file_of(tmp_path, text)):
        seen = Look(open_sources([path])[0])(["label", "score", "name"])
        found.append({name: (one.rows, one.missing, sorted(one.words or ()), one.low) for name, one in seen.items()})
    assert found[0] == found[1]
    assert found[0]["score"] == (4, 1, ["0.25", "0.5", "1"], 0.25)


def test_look_reads_text_where_the_first_rows_held_numbers(tmp_path: Path) -> None:
    path = file_of(tmp_path, "label,x\n" + "1.5,1\n" * 200 + "unknown,1\n")
    seen = Look(open_sources([path])[0])(["label"])["label"]
    assert (seen.words, seen.is_number) == (("1.5", "unknown"), False)


def test_sample_data_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parent.parent
    assert run(["inspect", str(root / WINE), "--flags"]) == 0
    assert capsys.readouterr().out == (
        "-y y_true -p 'prob_class_*' --classes class_0,class_1,class_2 --pred-kind prob\n"
    )
