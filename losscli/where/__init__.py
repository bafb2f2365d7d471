"""Row filters: a small language of conditions on columns, read by a parser of its own, never by Python.

::

    filter      = conjunction ("or" conjunction)*
    conjunction = negation ("and" negation)*
    negation    = "not" negation | "(" filter ")" | test
    test        = column operator value
                | column ["not"] "in" "(" value ("," value)* ")"
                | column ["not"] "like" text
                | column "is" ["not"] "null"
    operator    = "==" | "=" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    value       = number | text | "true" | "false"
    column      = bare name | `name` | "name"
    text        = 'text' | "text"

for example ``split == 'test' and age >= 18 and not (region in ('north', 'south')) and score is not null``.

- Words of the language are read without case; a quote inside quotes is doubled.  A bare name is of letters,
  digits, "_" and ".".  Double quotes name a column where a column stands, as in SQL, and are a text where a
  value stands: no place takes both.
- The value decides how a column is compared: a number with numbers, a text with texts, true and false with
  these words.  A column compared in two ways, or against what it holds, is refused.
- Numbers are compared as float64.  Texts are compared as they stand in the file and ordered by code points,
  which orders ISO dates by time.  In ``like``, "%" is any text and "_" any character.
- Logic has SQL's three values: a comparison with a missing value (null, NaN or an empty text) is neither true
  nor false, and only rows for which the filter is true are kept.  So ``x != 1`` and ``not x == 1`` leave out
  the rows where x is missing.  ``== null`` and ``== ''`` could never be true and are refused.
"""

from __future__ import annotations

from losscli.where.census import Census
from losscli.where.parser import parse_where
from losscli.where.row_filter import Where

__all__ = ["Census", "Where", "parse_where"]
