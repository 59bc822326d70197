"""What every message of the contract has in common."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """A frozen message that ignores fields it does not know.

    A service of the previous version can therefore read what a newer one wrote during a rolling upgrade.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = 1

    def encode(self) -> bytes:
        """The message as compact UTF-8 JSON; fields that are None are left out."""
        return self.model_dump_json(exclude_none=True).encode()


class Part(BaseModel):
    """A frozen piece of a message, with no version of its own."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class StrictPart(BaseModel):
    """A frozen piece of what people write: an unknown field is an error, since it is most likely a typing mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")
