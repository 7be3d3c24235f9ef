"""How much of what a run is judged by it has seen before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlap:
    """Of the images of one evaluation: how many a run was trained on, and how many its weights were chosen on; the
    weights that it began with count as the run.

    `near_copies` are those not trained on byte for byte that are copies of a training photo (re-encoded, resized,
    cropped or lit); None if that cannot be told. `example` names one of them and the training photo.
    """

    trained: int
    validated: int
    near_copies: int | None
    example: tuple[str, str] | None = None

    def to_json(self) -> dict[str, int | None]:
        """The counts; the keys are a public promise."""
        return {"trained": self.trained, "validated": self.validated, "near_copies": self.near_copies}
