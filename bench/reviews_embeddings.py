"""Embeddings of MiniLM as a similarity, through the collector's interface. Needs the extra ``embeddings``."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from quorate.errors import QuorateError
from quorate_collector.domain.similarity import SCALE, Measure
from quorate_collector.domain.words import Wording


class NoModel(QuorateError):
    """No model can be loaded: install sentence-transformers, and give a model's name or folder."""


class Embeddings:
    """The cosine of a model's vectors; each text is encoded once."""

    def __init__(self, model: str) -> None:
        try:
            # By name: the type checker runs where it is not installed.
            self._model: Any = import_module("sentence_transformers").SentenceTransformer(model)
        except (ImportError, OSError, ValueError) as error:
            raise NoModel(f"{model}: {error}: install sentence-transformers and give --model a folder") from error
        self._vectors: dict[str, Any] = {}

    def encode(self, texts: Sequence[str]) -> None:
        new = sorted(set(texts) - self._vectors.keys())
        if new:
            self._vectors.update(zip(new, self._model.encode(new, normalize_embeddings=True), strict=True))

    def vector(self, text: str) -> Any:
        return self._vectors[text]


class ByModel:
    """A Similarity."""

    name = "all-MiniLM-L6-v2"

    def __init__(self, embeddings: Embeddings, average: float, best: float) -> None:
        self._embeddings = embeddings
        self.average = average
        self.best = best

    def measure(self, texts: Sequence[Wording]) -> Measure:
        self._embeddings.encode([wording.text for wording in texts])
        vectors = [self._embeddings.vector(wording.text) for wording in texts]

        def cosine(one: int, other: int) -> int:
            return round(SCALE * max(0.0, min(1.0, float(vectors[one] @ vectors[other]))))

        return cosine
