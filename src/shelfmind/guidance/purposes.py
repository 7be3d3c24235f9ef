"""What a recogniser is for, as people choose it."""

from __future__ import annotations

KNOWN, CHANGING, CONTEST = "known", "changing", "contest"
PURPOSES = {
    "known": "recognise a range of products that stays as it is",
    "changing": "products change often: new ones are enrolled in a gallery, without a training",
    "contest": "keep the contest's terms: MindSpore alone, no weights or photos of others",
}
"""Each with its meaning, in the words of a question."""
