"""The summary of an audit counts faults only, and agrees in number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shelfmind.analysis.image_audit.quality import RULES, Flagged
from shelfmind.pages.audit_headlines import headlines


def findings(bad: int = 0, tiny: int = 0, empty: tuple[str, ...] = (), **flagged: tuple[int, ...]) -> Any:
    by_issue = {rule.issue: (measure, rule) for measure, rule in RULES.items()}
    none = np.zeros(0, np.float32)
    found = {
        issue: Flagged(*by_issue[issue], 0.0, np.array(images, np.int64), none, none)
        for issue, images in flagged.items()
    }
    sizes = SimpleNamespace(tiny=range(tiny), empty=empty)
    return SimpleNamespace(
        copies=(), measured=SimpleNamespace(bad_files=range(bad)), flagged=found, sizes=sizes, shifts=()
    )


def test_tilted_images_are_not_of_poor_quality() -> None:
    (quality,) = [line for line in headlines(findings(tilted=(1, 2, 3))) if line.key == "quality"]
    assert quality.grade == "good"
    (quality,) = [line for line in headlines(findings(tilted=(1, 2), blur=(2, 5))) if line.key == "quality"]
    assert quality.found == "2 images are of poor quality."


@pytest.mark.parametrize(
    ("found", "key", "advice"),
    [
        (findings(bad=1), "files", "Replace or remove it; training skips it."),
        (findings(bad=2), "files", "Replace or remove them; training skips them."),
        (findings(blur=(4,)), "quality", "Review it, and remove it if a person could not recognise it."),
        (findings(tiny=1), "classes", "Take more photos of it: rare classes have the lowest accuracy."),
        (findings(empty=("a",)), "classes", "Add photos or delete the folder: an empty class cannot be learnt."),
        (findings(empty=("a", "b")), "classes", "Add photos or delete the folders: empty classes cannot be learnt."),
    ],
)
def test_the_advice_agrees_in_number(found: Any, key: str, advice: str) -> None:
    assert next(line for line in headlines(found) if line.key == key and line.grade != "good").advice == advice
