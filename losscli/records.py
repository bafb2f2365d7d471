"""Data classes that take no time to declare.

`dataclasses.dataclass` writes and compiles six methods for each class; for the
eighty classes that a small evaluation loads, that is a quarter of its time.
Here the methods are shared by all classes and look the fields up when called,
and fields are only read when that happens first.  The bookkeeping is that of
`dataclasses`, so `field`, `fields`, `replace` and `asdict` work as ever.
"""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, eq=True, init=True):
        """`dataclasses.dataclass` with these of its options, and the same meaning."""

        def declare(one):
            own = one.__dict__
            defined = {"__init__": _init} if init else {}
            defined["__repr__"] = _repr
            if eq:
                defined["__eq__"] = _equal
            methods = {name: method for name, method in defined.items() if name not in own}
            if eq and "__hash__" not in own:
                methods["__hash__"] = _hash if frozen else None
            if frozen:
                methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
            for name in _BOOKKEEPING:
                setattr(one, name, _Unread(one, name))
            for name, method in methods.items():
                setattr(one, name, method)
            return one

        return declare if cls is None else declare(cls)


_BOOKKEEPING = ("__dataclass_fields__", "_declared_fields")
_reading = threading.RLock()


class _Unread:
    """Stands for the fields of a class until somebody asks for them: half of the classes are loaded for nothing."""

    def __init__(self, one: type, name: str) -> None:
        self._one, self._name = one, name

    def __get__(self, instance: object, owner: type) -> Any:
        one: Any = self._one
        # Two threads may ask at the same time, and reading takes the defaults out of the class.
        with _reading:
            if isinstance(one.__dict__["_declared_fields"], _Unread):
                dataclasses.dataclass(init=False, repr=False, eq=False)(one)
                one._declared_fields = dataclasses.fields(one)
        return one.__dict__[self._name]


def _init(self: Any, *arguments: Any, **named: Any) -> None:
    # As attributes of a frozen instance cannot be set.
    values = self.__dict__
    given = iter(arguments)
    left = len(arguments)
    for one in self._declared_fields:
        name = one.name
        if left and one.init:
            values[name] = next(given)
            left -= 1
            if name in named:
                raise TypeError(f"{type(self).__name__}() got multiple values for argument '{name}'")
        elif one.init and name in named:
            values[name] = named.pop(name)
        elif one.default is not dataclasses.MISSING:
            values[name] = one.default
        elif one.default_factory is not dataclasses.MISSING:
            values[name] = one.default_factory()
        elif one.init:
            raise TypeError(f"{type(self).__name__}() is missing the argument '{name}'")
    if left:
        raise TypeError(f"{type(self).__name__}() takes {len(arguments) - left} arguments, {len(arguments)} were given")
    if named:
        raise TypeError(f"{type(self).__name__}() got an unexpected argument '{next(iter(named))}'")
    finish = getattr(self, "__post_init__", None)
    if finish is not None:
        finish()


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, one.name) for one in self._declared_fields if one.compare)


def _equal(self: Any, other: object) -> Any:
    if self.__class__ is not other.__class__:
        return NotImplemented
    return _compared(self) == _compared(other)


def _hash(self: Any) -> int:
    hashed = (one for one in self._declared_fields if (one.compare if one.hash is None else one.hash))
    return hash(tuple(getattr(self, one.name) for one in hashed))


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in self._declared_fields if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse(self: Any, name: str, *_: Any) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot change '{name}' of a {type(self).__name__}")
