"""Data classes without compiled methods mean what `dataclasses` means."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, field, fields, replace
from typing import Any, ClassVar

import pytest

from losscli import records


@records.dataclass(frozen=True)
class Point:
    """Frozen, with a default."""

    x: int
    y: int = 2
    kind: ClassVar[str] = "point"


@records.dataclass(frozen=True)
class Labelled(Point):
    """One more field, of which every instance makes its own, and one that is not compared."""

    labels: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False, repr=False)


@records.dataclass
class Counter:
    """Not frozen, and finished after its fields are set."""

    start: int
    seen: int = field(init=False)

    def __post_init__(self) -> None:
        self.seen = self.start


@records.dataclass(frozen=True, eq=False)
class Plain:
    """Compared by identity."""

    x: int


MODEL: dict[type, type] = {
    Point: dataclasses.make_dataclass("Point", [("x", int), ("y", int, 2)], frozen=True),
}


@pytest.mark.parametrize(
    ("arguments", "named"), [((1,), {}), ((1, 3), {}), ((), {"x": 1}), ((1,), {"y": 4}), ((), {"y": 4, "x": 1})]
)
def test_instances_are_those_of_dataclasses(arguments: tuple[int, ...], named: dict[str, int]) -> None:
    ours: Any = Point(*arguments, **named)
    theirs: Any = MODEL[Point](*arguments, **named)
    assert vars(ours) == vars(theirs)
    assert repr(ours) == repr(theirs)
    assert [one.name for one in fields(ours)] == [one.name for one in fields(theirs)]
    assert ours == Point(*arguments, **named)
    assert hash(ours) == hash(theirs)


@pytest.mark.parametrize(
    ("arguments", "named"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1,), {"x": 1}), ((), {"y": 1})]
)
def test_wrong_arguments_are_type_errors(arguments: tuple[int, ...], named: dict[str, int]) -> None:
    for kind in (Point, MODEL[Point]):
        with pytest.raises(TypeError):
            kind(*arguments, **named)


def test_frozen_instances_cannot_change() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError, match="x"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="y"):
        del point.y
    with pytest.raises(FrozenInstanceError):
        point.other = 1  # type: ignore[attr-defined]


def test_fields_are_inherited_and_defaults_made_anew() -> None:
    one, other = Labelled(1), Labelled(1)
    one.labels.append("a")
    assert other.labels == []
    assert one != other
    assert Labelled(1, note="seen") == Labelled(1)
    assert repr(Labelled(1)) == "Labelled(x=1, y=2, labels=[])"
    assert Labelled(1) != Point(1)
    assert replace(one, x=3).labels is one.labels


def test_other_kinds() -> None:
    counter = Counter(4)
    counter.seen += 1
    assert vars(counter) == {"start": 4, "seen": 5}
    with pytest.raises(TypeError, match="unhashable"):
        hash(counter)
    with pytest.raises(TypeError, match="seen"):
        Counter(4, seen=2)  # type: ignore[call-arg]
    assert Plain(1) != Plain(1)
    assert len({Plain(1), Plain(1)}) == 2


@pytest.mark.parametrize("one", [Point(1, 3), Labelled(1, labels=["a"])], ids=repr)
def test_copies_are_equal(one: Point) -> None:
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one) == one
    with pytest.raises(FrozenInstanceError):
        copy.copy(one).x = 5  # type: ignore[misc]


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that take turns after every few instructions."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hasty")
def test_fields_are_read_once_whoever_asks_first() -> None:
    # Reading takes the defaults out of the class, so that a second reading would not find them.
    for _ in range(50):

        @records.dataclass(frozen=True)
        class Base:
            x: int = 1

        @records.dataclass(frozen=True)
        class Derived(Base):
            names: list[str] = field(default_factory=list)

        class Undeclared(Derived):
            """Not declared itself."""

        start = threading.Barrier(4)

        def ask(start: threading.Barrier = start, asked: type = Undeclared) -> tuple[str, ...]:
            start.wait()
            return tuple(one.name for one in fields(asked))

        with ThreadPoolExecutor(4) as pool:
            found = [one.result() for one in [pool.submit(ask) for _ in range(4)]]
        assert found == [("x", "names")] * 4
        assert Undeclared(2) == replace(Undeclared(), x=2)
        assert Base() == Base(1)
