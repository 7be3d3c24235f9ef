"""The machine-readable results of an audit: the content of `audit.json`."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.analysis.image_audit.histograms import Histogram, histogram
from shelfmind.analysis.image_audit.quality import Flagged
from shelfmind.analysis.measuring.measurement import format_names
from shelfmind.analysis.measuring.oddities import found_in
from shelfmind.data.splits import relative_name

ASPECT_EDGES = tuple(halves / 2 for halves in range(11))
"""Bins of height / width: steps of 0.5 from 0 to 5."""
SIDE_EDGES = (0, 32, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048, 4096)
BYTES_EDGES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
_PACKAGES = ("shelfmind", "numpy", "pillow", "scipy")


def audit_figures(findings: ImageFindings, data: Path, seed: int, seconds: float) -> dict[str, Any]:
    """All findings except the issues themselves. `data` is the path of the data set, whose names begin at its root."""
    catalog, measured = findings.catalog, findings.measured
    sizes = findings.sizes
    leaks, conflicts = findings.leaks, findings.conflicts
    channels = findings.channels()
    return {
        "root": str(catalog.root),
        "data": str(data),
        "format": catalog.format,
        "seed": seed,
        "class_names": list(catalog.class_names),
        "notes": list(catalog.notes),
        "images": len(catalog.samples),
        "usable_images": len(measured),
        "splits": {split: int(counts.sum()) for split, counts in findings.split_counts.items()},
        "class_counts": {split: counts.tolist() for split, counts in findings.split_counts.items()},
        "class_sizes": {
            "gini": sizes.gini,
            "quantiles": sizes.quantiles,
            "classes_with_half_of_images": sizes.half_of_images,
            "under_5_images": list(sizes.tiny),
            "without_images": list(sizes.empty),
            "others": None if sizes.others_name is None else {"name": sizes.others_name, "share": sizes.others_share},
            "classes": sizes.shots,
            "images": sizes.shot_images,
            "cutoffs": asdict(findings.cutoffs),
        },
        "aspect_ratios": asdict(aspect_histogram(measured.facts)),
        "shorter_sides": asdict(side_histogram(measured.facts)),
        "kilobytes": asdict(bytes_histogram(measured.facts)),
        "channels_255": channels,
        "channels_1": {name: [value / 255 for value in values] for name, values in channels.items()},
        "file_formats": format_names(measured.facts["format"]),
        "odd_files": {name: int(odd.sum()) for name, odd in found_in(measured.facts["oddities"]).items()},
        "bad_files": [
            {"path": relative_name(bad.path, catalog.root), "reason": bad.reason} for bad in measured.bad_files
        ],
        "duplicates": {
            "groups": len(findings.copies),
            "exact_groups": sum(each.group.exact for each in findings.copies),
            "images": sum(len(each.group.members) for each in findings.copies),
            "leaks": {"groups": len(leaks), "images": sum(len(each.group.members) for each in leaks)},
            "conflicts": {"groups": len(conflicts), "images": sum(len(each.group.members) for each in conflicts)},
            "limits": asdict(findings.limits),
        },
        "quality": {
            name: {"flagged": len(each.images), "min_deviation": each.min_deviation, "rule": _rule_figures(each)}
            for name, each in findings.flagged.items()
        },
        "shift": {
            "overall": [asdict(each) for each in findings.overall_shifts],
            "classes": [{"class": catalog.class_names[each.class_id], **asdict(each)} for each in findings.shifts],
            "comparisons": findings.shift_comparisons,
        },
        "appearances": {
            "by": "colours and brightness",
            "classes_looked_at": findings.appearances.classes,
            "several": [each.to_json(catalog.class_names) for each in findings.appearances.several],
        },
        "issues": _issue_counts(findings),
        "seconds": round(seconds, 2),
        "images_per_second": round(len(catalog.samples) / seconds, 1),
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}},
    }


def aspect_histogram(facts: npt.NDArray[np.void]) -> Histogram:
    """Images by height over width."""
    return histogram(facts["height"] / facts["width"].astype(np.float64), ASPECT_EDGES)


def side_histogram(facts: npt.NDArray[np.void]) -> Histogram:
    """Images by their shorter side in pixels."""
    return histogram(np.minimum(facts["width"], facts["height"]).astype(np.float64), SIDE_EDGES)


def bytes_histogram(facts: npt.NDArray[np.void]) -> Histogram:
    """Images by the size of their file in kB."""
    return histogram(facts["bytes"] / 1000.0, BYTES_EDGES)


def _rule_figures(flagged: Flagged) -> dict[str, Any]:
    rule = flagged.rule
    bounds = {"never": rule.never, "always": rule.always, "excess": rule.excess}
    return {"field": flagged.measure, "sign": rule.sign, **bounds, "words": rule.words}


def _issue_counts(findings: ImageFindings) -> dict[str, int]:
    counts: dict[str, int] = {}
    for issue in findings.issues:
        counts[issue.kind] = counts.get(issue.kind, 0) + 1
    return dict(sorted(counts.items()))
