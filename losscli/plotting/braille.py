"""A plot as lines of text: braille characters, eight dots to a cell.

Plain text without colour, so that it can be piped and pasted; where there are
several curves, letters stand on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from losscli.plotting.curves import Plot
from losscli.roles import FloatArray, IntArray

ROWS = 14
WIDEST = 66
NARROWEST = 24

_LETTERS = "abcdefgh"
# Bits of the dots of a cell by row and column; Unicode 15, block U+2800, numbers them in this order.
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_NO_DOTS = 0x2800
# Share of a step by which the ends of an axis may be exceeded: less than a dot.
_ROUNDING = 1e-3
# Dots between two curves below which a letter could stand on either.
_LETTER_SPACE = 4


def draw(plot: Plot, width: int) -> str:
    """The curves with labelled axes, and below them the axis' name and what the letters mean."""
    ticks = _ticks(*plot.limits, 5)
    labels = _tick_labels(ticks)
    gutter = max(len(label) for label in labels)
    columns = min(max(width - gutter - 2, NARROWEST), WIDEST)
    heights = [_heights(curve.values, ticks[0], ticks[-1], columns) for curve in plot.curves]
    cells = _cells(heights, columns)
    if len(heights) > 1:
        _write_letters(cells, heights)
    rows = {_row(tick, ticks[0], ticks[-1]): label for tick, label in zip(ticks, labels, strict=True)}
    lines = []
    for row, line in enumerate(cells):
        edge = f"{rows[row]:>{gutter}} ┤" if row in rows else " " * gutter + " │"
        lines.append((edge + "".join(line)).rstrip())
    lines += _bottom(plot.x, gutter, columns)
    lines.append(" " * (gutter + 2) + plot.x_label)
    if len(plot.curves) > 1:
        named = (f"{letter}: {curve.label}" for letter, curve in zip(_LETTERS, plot.curves, strict=False))
        lines.append(" " * (gutter + 2) + "   ".join(named))
    return "\n".join(lines)


def _ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers, evenly spaced, that enclose the interval."""
    rough = (high - low) / (count - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * 0.999)
    first, last = math.floor(low / step + _ROUNDING), math.ceil(high / step - _ROUNDING)
    return [number * step for number in range(first, last + 1)]


def _tick_labels(ticks: Sequence[float]) -> list[str]:
    """The numbers with equally many decimals."""
    step = ticks[1] - ticks[0]
    decimals = next((count for count in range(12) if abs(round(step, count) - step) < 1e-9 * step), 12)
    return [f"{tick + 0.0:.{decimals}f}" for tick in ticks]


def _row(value: float, low: float, high: float) -> int:
    """The row of cells in which a value lies, 0 at the top."""
    return int(_dot(np.array([value]), low, high)[0]) // 4


def _dot(values: FloatArray, low: float, high: float) -> IntArray:
    """The row of dots of each value, 0 at the top."""
    return np.rint((high - values) / (high - low) * (4 * ROWS - 1)).astype(np.intp)


def _heights(values: FloatArray, low: float, high: float, columns: int) -> IntArray:
    """The row of dots of a curve in every column of dots; -1 where it is outside of the picture."""
    places = np.rint(np.linspace(0, len(values) - 1, 2 * columns)).astype(np.intp)
    chosen = values[places]
    slack = _ROUNDING * (high - low)
    inside = (chosen >= low - slack) & (chosen <= high + slack)
    return np.where(inside, _dot(np.where(inside, chosen, low), low, high), -1)


def _cells(heights: Sequence[IntArray], columns: int) -> list[list[str]]:
    """All curves as rows of braille characters."""
    dots = np.zeros((4 * ROWS, 2 * columns), dtype=bool)
    for curve in heights:
        previous = -1
        for column, height in enumerate(curve):
            if height >= 0:
                # A steep curve is joined to the column before, from the dot next to it.
                start, stop = sorted((int(height), previous if previous >= 0 else int(height)))
                if stop > start:
                    start, stop = (start, stop - 1) if previous > height else (start + 1, stop)
                dots[start : stop + 1, column] = True
            previous = int(height)
    bits = dots.reshape(ROWS, 4, columns, 2).transpose(0, 2, 1, 3) * _DOTS
    codes = bits.sum(axis=(2, 3)).tolist()
    return [[chr(_NO_DOTS + code) if code else " " for code in row] for row in codes]


def _write_letters(cells: list[list[str]], heights: Sequence[IntArray]) -> None:
    """A letter on every curve where the others are farthest, in each half where there is room."""
    stacked = np.stack(heights)[:, ::2]
    columns = stacked.shape[1]
    for number, curve in enumerate(stacked):
        others = np.delete(stacked, number, axis=0)
        space = np.where(curve >= 0, np.abs(others - curve).min(axis=0), -1)
        space[[0, -1]] = -1
        taken = [cells[int(height) // 4][column] in _LETTERS for column, height in enumerate(curve)]
        space[taken] = -1
        left, right = (start + int(np.argmax(space[start : start + columns // 2])) for start in (0, columns // 2))
        roomy = [column for column in (left, right) if space[column] >= _LETTER_SPACE]
        for column in roomy or [int(np.argmax(space))]:
            cells[int(curve[column]) // 4][column] = _LETTERS[number]


def _bottom(x: FloatArray, gutter: int, columns: int) -> list[str]:
    """The lower edge with marks, and the numbers under them."""
    low, high = float(x[0]), float(x[-1])
    margin = 0.02 * (high - low)
    ticks = [tick for tick in _ticks(low, high, 7) if low - margin <= tick <= high + margin]
    labels = _tick_labels(ticks)
    edge = ["─"] * columns
    numbers = [" "] * (columns + gutter + 12)
    for tick, label in zip(ticks, labels, strict=True):
        column = min(max(round((tick - low) / (high - low) * (columns - 1)), 0), columns - 1)
        edge[column] = "┬"
        start = gutter + 2 + min(column - (len(label) - 1) // 2 - label.startswith("-"), columns - len(label))
        numbers[start : start + len(label)] = label
    return [" " * gutter + " └" + "".join(edge), "".join(numbers).rstrip()]
