"""The purposes of a recogniser that users choose from."""

from __future__ import annotations

KNOWN, CHANGING, CONTEST = "known", "changing", "contest"
PURPOSES = {
    "known": "recognise a fixed range of products",
    "changing": "products change often: enrol new ones in a gallery, without training",
    "contest": "follow the contest rules: MindSpore only, random or official MindSpore weights, no other photos",
}
"""The purposes with their descriptions."""
