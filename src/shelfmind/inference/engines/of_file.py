"""Base class of engines for exported files."""

from __future__ import annotations

from importlib import metadata

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.inference.engines import Engine
from shelfmind.inference.exported import Exported


class FileEngine:
    """An exported network. The subclass's `own_name` is the engine's name."""

    own_name: str
    package: str

    def __init__(self, exported: Exported) -> None:
        self.exported = exported

    @property
    def name(self) -> str:
        """Engine and precision."""
        return f"{self.own_name} {self.exported.facts['precision']}"

    @property
    def version(self) -> str:
        """The version of its package."""
        return metadata.version(self.package)

    @property
    def identity(self) -> str:
        """Name, version, and checksum of the file."""
        return f"{self.name} {self.version} {self.exported.checksum}"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Empty: any number of images is native."""
        return ()

    def parallel(self, batch_size: int) -> Engine | None:
        """Return None, unless overridden."""
        return None

    @property
    def width(self) -> int:
        """D."""
        return int(self.exported.facts["width"])

    def logits(self, embeddings: Floats) -> Floats | None:
        """Return the logits of embeddings."""
        classifier = self.exported.classifier
        return None if classifier is None else np.asarray(classifier(embeddings), np.float32)
