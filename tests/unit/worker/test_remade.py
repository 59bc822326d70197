"""Classes that a decorator makes anew."""

from quorate_worker.adapters.remade import remade_classes

CODE = """\
@attr.s(
    slots=True,
)
class Made:
    x = attr.ib()

    @attr.s
    class Inner: ...

class Derived(Base, Made): ...

@dataclass(frozen=True)
class Data: ...

@functools.total_ordering
@final
class Ordered: ...

@app.route("/")
def index(): ...

class Plain(Data): ...

@final
@define
class Both: ...
"""


def test_they_are_below_a_decorator_that_is_not_known_or_are_derived_from_one_that_is() -> None:
    assert remade_classes([CODE, "class Elsewhere(Both):\n    pass\n"]) == {
        "Made", "Inner", "Derived", "Both", "Elsewhere",
    }  # fmt: skip
