"""From the text of a filter to its conditions, by recursive descent."""

from __future__ import annotations

from losscli.errors import UsageError
from losscli.where.conditions import (
    And,
    ColumnTest,
    Comparison,
    Condition,
    Like,
    Membership,
    Not,
    NullTest,
    Operator,
    Or,
    Value,
    kind_of_value,
    value_text,
)
from losscli.where.row_filter import Where
from losscli.where.rows import ValueKind
from losscli.where.tokens import Token, name_text, refusal, tokens_of

_OPERATORS: dict[str, Operator] = {
    "==": "==",
    "=": "==",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_TESTS = "a comparison (== != < <= > >=), in, like, or is null"
_VALUES = "a number, a text in quotes, true or false"
_NOUNS: dict[ValueKind, str] = {"number": "numbers", "text": "texts", "boolean": "true or false"}

# Conditions are evaluated by recursion; nobody writes filters as deep as this.
_DEEPEST = 50

# From here on float64 does not tell neighbouring integers apart.
_INEXACT = 2**53


def parse_where(text: str) -> Where:
    """The row filter written as `text`; UsageError shows where it is wrong and what was expected there."""
    return Where(_Parser(text).parse())


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.place = 0
        self.depth = 0
        self.compared_as: dict[str, ValueKind] = {}

    def parse(self) -> Condition:
        if len(self.tokens) == 1:
            raise UsageError("the row filter is empty", "a condition such as split == 'test'")
        condition = self._filter()
        if self.token.kind != "end":
            raise self._unexpected('"and", "or", or the end')
        return condition

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def _filter(self) -> Condition:
        conditions = [self._conjunction()]
        while self._took("keyword", "or"):
            conditions.append(self._conjunction())
        return conditions[0] if len(conditions) == 1 else Or(tuple(conditions))

    def _conjunction(self) -> Condition:
        conditions = [self._negation()]
        while self._took("keyword", "and"):
            conditions.append(self._negation())
        return conditions[0] if len(conditions) == 1 else And(tuple(conditions))

    def _negation(self) -> Condition:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._refusal(self.token, "the conditions are nested too deeply", f"at most {_DEEPEST} levels")
        if self._took("keyword", "not"):
            condition: Condition = Not(self._negation())
        elif self._took("bracket", "("):
            condition = self._filter()
            if not self._took("bracket", ")"):
                raise self._unexpected('")", "and" or "or"')
        else:
            condition = self._test()
        self.depth -= 1
        return condition

    def _test(self) -> Condition:
        column = self._column()
        if self.token.kind == "operator":
            return self._comparison(column)
        if self._took("keyword", "is"):
            negated = self._took("keyword", "not")
            if not self._took("keyword", "null"):
                raise self._unexpected("null" if negated else "null or not null")
            return _negated(NullTest(column), negated)
        negated = self._took("keyword", "not")
        if self._took("keyword", "in"):
            return _negated(Membership(column, self._values(column)), negated)
        if self._took("keyword", "like"):
            if self.token.kind not in ("text", "double"):
                raise self._unexpected("a text in quotes, such as 'a%'")
            self._note(column, "text")
            return _negated(Like(column, self._taken().value), negated)
        if negated:
            raise self._unexpected("in or like")
        end = self.token.kind in ("end", "keyword") or self.token.value == ")"
        raise self._unexpected(_TESTS, f"{name_text(column)} == true" if end else None)

    def _column(self) -> str:
        token = self.token
        if token.kind in ("word", "name", "double"):
            return self._taken().value
        fix = None
        if token.kind == "keyword":
            fix = f"`{token.value}`, if this is a column"
        elif token.kind in ("text", "number"):
            fix = f"`{token.value}`, if this is a column; a value stands on the right"
        raise self._unexpected('a column, "not" or "("', fix)

    def _comparison(self, column: str) -> Condition:
        written = self._taken()
        operator = _OPERATORS[written.value]
        equality = operator in ("==", "!=")
        token = self.token
        value = self._value(column, exact=equality, null="is null" if operator == "==" else "is not null")
        if isinstance(value, bool) and not equality:
            raise self._refusal(
                written, "true and false have no order", "== or !=", f"{name_text(column)} == {value_text(value)}"
            )
        self._note(column, kind_of_value(value), token)
        return Comparison(column, operator, value)

    def _values(self, column: str) -> tuple[Value, ...]:
        if not self._took("bracket", "("):
            raise self._unexpected('"(" and the values', None)
        values: list[Value] = []
        while not values or self._took("bracket", ","):
            token = self.token
            values.append(self._value(column, exact=True, null="is null"))
            self._note(column, kind_of_value(values[-1]), token)
        if not self._took("bracket", ")"):
            raise self._unexpected('"," or ")"')
        return tuple(values)

    def _value(self, column: str, *, exact: bool, null: str) -> Value:
        """The value that stands here; `exact` if the column must equal it, `null` is the null test to suggest."""
        token = self.token
        if token.kind == "number":
            value = float(token.value)
            if exact and value.is_integer() and abs(value) >= _INEXACT:
                raise self._refusal(
                    token,
                    "numbers are compared as float64, which does not tell such integers apart",
                    f"a whole number below {_INEXACT}, or a range",
                )
            if abs(value) == float("inf"):
                raise self._refusal(token, f"{token.value} is beyond float64", "a finite number")
            self.place += 1
            return value
        if token.kind in ("text", "double"):
            if not token.value:
                raise self._never(column, "an empty text is a missing value, which equals nothing", null)
            return self._taken().value
        if token.kind == "keyword" and token.value in ("true", "false"):
            return self._taken().value == "true"
        if token.kind == "keyword" and token.value == "null":
            raise self._never(column, "null equals nothing, not even null", null)
        fix = value_text(token.value) if token.kind in ("word", "name") else None
        raise self._unexpected(_VALUES, fix)

    def _never(self, column: str, problem: str, null: str) -> UsageError:
        return self._refusal(self.token, problem, _VALUES, f"{name_text(column)} {null}")

    def _note(self, column: str, kind: ValueKind, token: Token | None = None) -> None:
        """Remember as what a column is compared; all of the filter must agree."""
        known = self.compared_as.setdefault(column, kind)
        if known != kind:
            raise self._refusal(
                token or self.token,
                f'column "{column}" is compared with {_NOUNS[known]} and with {_NOUNS[kind]}',
                f"{_NOUNS[known]} only, or {_NOUNS[kind]} only",
            )

    def _took(self, kind: str, value: str) -> bool:
        """Whether this word stands here; if so it is taken."""
        found = self.token.kind == kind and self.token.value == value
        self.place += found
        return found

    def _taken(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def _unexpected(self, expected: str, fix: str | None = None) -> UsageError:
        token = self.token
        if token.kind == "end":
            return self._refusal(token, "it ends too early", expected, fix)
        return self._refusal(
            token, f"{self.text[token.start : token.end]} is not what should stand here", expected, fix
        )

    def _refusal(self, token: Token, problem: str, expected: str, fix: str | None = None) -> UsageError:
        return refusal(self.text, token.start, token.end, problem, expected, fix)


def _negated(test: ColumnTest, negated: bool) -> Condition:
    return Not(test) if negated else test
