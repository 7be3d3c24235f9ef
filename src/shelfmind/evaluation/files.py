"""Write results atomically: JSON for programs, and CSV that spreadsheets open correctly."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from shelfmind.evaluation.result import Evaluation
from shelfmind.files import write_text

# Excel recognises UTF-8, and thus Chinese class names, only with a byte-order mark.
_CSV_ENCODING = "utf-8-sig"


def write_metrics(evaluation: Evaluation, path: Path) -> None:
    """Write the metrics as JSON."""
    write_text(path, json.dumps(evaluation.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_per_class_csv(evaluation: Evaluation, path: Path) -> None:
    """Write one row per class in the order of class ids. Undefined values are empty cells."""
    header = (
        "class_id",
        "class",
        "train_images",
        "images",
        "correct",
        "recall",
        "precision",
        "mean_confidence",
        "most_confused_with",
        "most_confused_count",
    )
    rows = (
        (
            each.class_id,
            each.name,
            each.train_images,
            each.images,
            each.correct,
            _figure(each.recall),
            _figure(each.precision),
            _figure(each.confidence),
            each.confused_with,
            each.confused_count,
        )
        for each in evaluation.per_class
    )
    _write_csv(path, header, rows)


def write_confusions_csv(evaluation: Evaluation, path: Path) -> None:
    """Write the worst confusions, worst first, each with up to three example images."""
    header = ("given", "predicted", "count", "rate", "example_1", "example_2", "example_3")
    rows = (
        (each.given, each.predicted, each.count, _figure(each.rate), *_padded(each.examples, 3))
        for each in evaluation.confusions
    )
    _write_csv(path, header, rows)


def write_errors_csv(evaluation: Evaluation, path: Path) -> None:
    """Write all wrongly predicted images, most confident first. `rank` is the number of classes before the true one."""
    header = ("path", "given", "predicted", "confidence", "truth_probability", "rank")
    rows = (
        (
            each.path,
            each.given,
            each.predicted,
            _figure(each.confidence),
            _figure(each.truth_probability),
            each.rank,
        )
        for each in evaluation.errors
    )
    _write_csv(path, header, rows)


def write_slices_csv(evaluation: Evaluation, path: Path) -> None:
    """Write the accuracy of every slice of every difficulty, worst first. There is no file if none was measured."""
    if evaluation.slices is None:
        path.unlink(missing_ok=True)  # of an earlier evaluation
        return
    header = (
        *("difficulty", "from", "below", "images", "right", "top1", "top1_low", "top1_high"),
        *("apart", "apart_low", "apart_high", "p", "adjusted_p", "verdict"),
    )
    rows = (
        (
            *(each.difficulty, _limit(each.low), _limit(each.high), each.images, each.right, _figure(each.top1)),
            *(_figure(end) for end in each.ci95),
            _figure(each.apart),
            *(_figure(end) for end in each.apart_ci95),
            f"{each.p:.3g}",
            f"{each.adjusted_p:.3g}",
            each.verdict,
        )
        for each in evaluation.slices.slices
    )
    _write_csv(path, header, rows)


def _limit(value: float | None) -> str:
    """Format the limit of a slice; empty if it has none."""
    return "" if value is None or math.isinf(value) else f"{value:.4g}"


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, buffer.getvalue(), _CSV_ENCODING)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _padded(values: Sequence[str], length: int) -> list[str]:
    return [*values, *[""] * (length - len(values))]
