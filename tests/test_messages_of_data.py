"""What data hold cannot break a message out of its three lines, nor bury it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError, one_line

LONG = "x" * 5000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, é and 猫", "plain text, é and 猫"),
        ('"a\nb"', '"a\\nb"'),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u00a0b\u2028c", "a\\xa0b\\u2028c"),
        (LONG, "x" * 60 + "…"),
        (f'"{LONG}"', '"' + "x" * 60 + '…"'),
        ('"', '"'),
        ("", ""),
    ],
)
def test_text_of_data_becomes_part_of_a_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


@pytest.mark.parametrize("cell", ["a\nb", "a\r\nb", LONG, "\x1b[2J", "a\x0bb", "a\x85b", "a\u2028b"])
@pytest.mark.parametrize(
    ("header", "row", "loss"),
    [
        ("y_true,y_pred", '1,"{}"', "mse"),
        ('y_true,"y_pred"', '"{}",1', "bce"),
        ("label,prob_a,prob_b", '"{}",0.5,0.5', "sparse_categorical_crossentropy"),
        ("label,prob", '"{0}",0.5\n"{0}2",0.5', "bce"),
        ('label,"prob_a{0}","prob_a"', "a,0.5,oops", "sparse_categorical_crossentropy"),
        ('"{0}",y_pred', "1,1", "mse"),
    ],
    ids=["number", "label", "class", "two labels", "name of the prediction", "name of another column"],
)
def test_error_keeps_its_three_lines(cell: str, header: str, row: str, loss: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n{row}\n".replace("{0}", cell).replace("{}", cell), encoding="utf-8", newline="")
    with pytest.raises(InputError) as refused:
        losscli.evaluate(str(path), loss)
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["losscli", "expected", "try"][: len(lines)]
    assert all(line.isprintable() and len(line) < 700 for line in lines)


def test_third_label_is_told_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('label,prob\na,0.5\n"x\ny",0.5\n2,0.5\n')
    with pytest.raises(InputError, match=r'2 stands beside "x\\ny" for the negative class'):
        losscli.evaluate(str(path), "bce", pos_label="a")


@pytest.mark.parametrize(
    ("column", "names", "advice"),
    [
        (pa.array([b"a", b"b"]), ("label", "prob"), '-y COLUMN; "label" holds binary'),
        (pa.array([0, 1], pa.date32()), ("prob", "label"), '-p COLUMN; "prob" holds date32[day]'),
        (pa.array([["a"], ["b"]]), ("y_pred", "label"), '-p COLUMN; "y_pred" holds list<'),
    ],
)
def test_column_of_the_right_name_that_cannot_be_read_is_told(
    column: pa.Array, names: tuple[str, str], advice: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table([column, pa.array([0, 1])], list(names)), path)
    with pytest.raises(InputError, match="no column found") as refused:
        losscli.evaluate(str(path), "bce")
    assert (refused.value.fix or "").startswith(advice)
