"""A plot as a picture, drawn with matplotlib, which the ``plot`` extra installs."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from losscli.errors import UsageError
from losscli.plotting.curves import Plot

FORMATS = ("png", "svg")

# Told apart in colour, by people who see few colours, and in print: Okabe and Ito (2008), Color universal design.
_STYLES = (("#0072b2", "-"), ("#d55e00", "--"), ("#009e73", "-."))


def picture_format(path: str) -> str:
    """The format that a file name asks for; a UsageError when it is none of `FORMATS`."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UsageError(f"--plot {path}: no format for this name", "a file name in .png or .svg, or - for text")
    return suffix


def picture(plot: Plot, title: str, format: str) -> bytes:
    """The curves as the bytes of a PNG or SVG file, the same for every run.

    Raises UsageError when matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "--plot FILE needs matplotlib, which is not installed", None, "pip install 'losscli[plot]'"
        ) from error
    low, high = plot.limits
    margin = 0.04 * (high - low)
    # SVG otherwise carries the date and random names.
    with rc_context({"svg.hashsalt": title}):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        for curve, (color, style) in zip(plot.curves, _STYLES, strict=False):
            shown = np.where(np.isfinite(curve.values), curve.values, np.nan)
            axes.plot(plot.x, shown, color=color, linestyle=style, label=curve.label)
        axes.set_ylim(low - margin, high + margin)
        axes.margins(x=0.01)
        axes.set_title(title)
        axes.set_xlabel(plot.x_label)
        axes.set_ylabel("loss of a row")
        axes.grid(visible=True, alpha=0.3)
        if len(plot.curves) > 1:
            axes.legend()
        buffer = BytesIO()
        figure.savefig(buffer, format=format, dpi=150, metadata={"Date": None} if format == "svg" else None)
    return buffer.getvalue()
