"""Fixes: what a tool would change to settle a finding."""

from pydantic import Field, model_validator

from quorate.contract.base import Part

MAX_EDITS = 32
MAX_TEXT = 20_000


class Edit(Part):
    """Lines ``line`` to ``end_line`` (1-based, inclusive, of the new file) become ``text``.

    An ``end_line`` one below ``line`` inserts before ``line``. ``text`` has its line ends, as the file has them; an
    empty one deletes the lines.
    """

    line: int = Field(ge=1)
    end_line: int = Field(ge=0)
    text: str = Field(max_length=MAX_TEXT)

    @model_validator(mode="after")
    def _in_order(self) -> "Edit":
        if self.end_line < self.line - 1:
            raise ValueError("`end_line` lies before `line`")
        return self


class Fix(Part):
    """Edits of one file that belong together, in the order of their lines and apart from each other.

    ``safe`` says that the tool promises the same behaviour but for the defect: such a fix may be applied unseen.
    """

    edits: tuple[Edit, ...] = Field(min_length=1, max_length=MAX_EDITS)
    safe: bool = False

    @model_validator(mode="after")
    def _apart(self) -> "Fix":
        for before, after in zip(self.edits, self.edits[1:], strict=False):
            if after.line <= before.end_line or after.line == before.line:
                raise ValueError("two edits meet: write them as one")
        return self
