"""What engines that answer from an exported file have in common."""

from __future__ import annotations

from importlib import metadata

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.inference.engines import Engine
from shelfmind.inference.exported import Exported


class FileEngine:
    """An exported network; what computes it is the subclass's `own_name`."""

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
        """Of its package."""
        return metadata.version(self.package)

    @property
    def sizes(self) -> tuple[int, ...]:
        """None: any number is computed as it is."""
        return ()

    def parallel(self, batch_size: int) -> Engine | None:
        """None, unless a subclass says otherwise."""
        return None

    @property
    def width(self) -> int:
        """D."""
        return int(self.exported.facts["width"])

    def logits(self, embeddings: Floats) -> Floats | None:
        """What the classifier makes of embeddings."""
        classifier = self.exported.classifier
        return None if classifier is None else np.asarray(classifier(embeddings), np.float32)
