"""The names of a module, a class or a function, and where they are looked up."""

from quorate_worker.taint.values import Value


class Scope:
    """Names and their values. `kind` is module, class or function."""

    __slots__ = ("global_names", "kind", "nonlocal_names", "parent", "values")

    def __init__(self, kind: str, parent: "Scope | None") -> None:
        self.kind = kind
        self.parent = parent
        self.values: dict[str, Value] = {}
        self.global_names: set[str] = set()
        self.nonlocal_names: set[str] = set()

    def find(self, name: str) -> Value | None:
        """The value of a name as seen from here; classes around a function are passed over, as Python does."""
        scope: Scope | None = self
        if name in self.global_names:
            scope = self.module()
        while scope is not None:
            if (scope is self or scope.kind != "class") and name in scope.values:
                return scope.values[name]
            scope = scope.parent
        return None

    def module(self) -> "Scope":
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def home(self, name: str) -> "Scope":
        """The scope that an assignment to the name changes."""
        if name in self.global_names:
            return self.module()
        if name in self.nonlocal_names:
            scope = self.parent
            while scope is not None:
                if scope.kind == "function" and name in scope.values:
                    return scope
                scope = scope.parent
        return self
