"""What a renderer is, and what it may be told."""

from __future__ import annotations

from collections.abc import Callable

from losscli.records import dataclass
from losscli.report import Report


@dataclass(frozen=True)
class RenderOptions:
    """How a reader wants to see a report; machine formats ignore all of it.

    `width` in columns (None: as wide as needed) and `color` apply only when
    `terminal` is true: what is piped or redirected is never cut or coloured.
    `top` is the number of classes or slices shown of each grouping (0: all);
    `precision` the significant digits of a number (None: 6).
    """

    width: int | None = None
    color: bool = False
    top: int = 20
    precision: int | None = None
    terminal: bool = False

    @property
    def digits(self) -> int:
        """The significant digits of a number in text for people."""
        return 6 if self.precision is None else self.precision


@dataclass(frozen=True)
class Renderer:
    """A way to write a report down.

    `name` is the word after ``-f`` and the name of the module; `summary` one
    line for the help.  `render` returns text, or bytes when `binary`, ending
    in one newline.  `suffixes` are the file name endings that mean this format.
    """

    name: str
    summary: str
    render: Callable[[Report, RenderOptions], str | bytes]
    suffixes: tuple[str, ...] = ()
    binary: bool = False
