"""Overlap of evaluation images with those that a run has seen in training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlap:
    """The number of evaluation images that a run was trained on, and that its weights were selected on. Its initial
    weights count as part of the run.

    `near_copies` is the number of near-duplicates of training photos (re-encoded, resized, cropped, brightened) among
    the others; None if unknown. `example` is one of them with the training photo.
    """

    trained: int
    validated: int
    near_copies: int | None
    example: tuple[str, str] | None = None

    def to_json(self) -> dict[str, int | None]:
        """Return the counts. The keys are part of the public interface."""
        return {"trained": self.trained, "validated": self.validated, "near_copies": self.near_copies}
