"""Write predictions atomically as CSV, JSON lines or NumPy arrays, with one row per input."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from shelfmind.errors import UserError, argument
from shelfmind.files import require_writable, write_atomically
from shelfmind.inference.predictor import Prediction
from shelfmind.prediction_files import PredictionWriter, prediction_writer

FORMATS = (".csv", ".jsonl", ".npz")


def check_output(path: Path) -> None:
    """Raise `UserError` for an output that cannot be written, before any work is done."""
    if path.suffix not in FORMATS:
        endings = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise UserError(f"{argument('out')} must be a file name ending in {endings}, got {path}")
    require_writable(path)


def write_predictions(path: Path, predictions: Iterable[Prediction], top: int) -> None:
    """Write a stream of predictions as ``.csv`` or ``.jsonl`` in constant memory. Unusable inputs have the reason."""
    write_rows = _write_csv if path.suffix == ".csv" else _write_json_lines
    write_text(path, lambda stream: write_rows(stream, predictions, top))


def as_record(prediction: Prediction, top: int) -> dict[str, Any]:
    """Return a prediction with its best `top` guesses as JSON values."""
    record: dict[str, Any] = {"path": prediction.source}
    if prediction.error is not None:
        return {**record, "error": prediction.error}
    best = prediction.guesses[:top]
    guesses = [{"class": guess.class_name, "probability": round(guess.probability, 6)} for guess in best]
    return {**record, "predictions": guesses}


def _write_json_lines(stream: IO[str], predictions: Iterable[Prediction], top: int) -> None:
    for prediction in predictions:
        stream.write(json.dumps(as_record(prediction, top), ensure_ascii=False) + "\n")


def _write_csv(stream: IO[str], predictions: Iterable[Prediction], top: int) -> None:
    writer = csv.writer(stream)
    header = [name for rank in range(1, top + 1) for name in (f"class_{rank}", f"probability_{rank}")]
    writer.writerow(["path", *header, "error"])
    for prediction in predictions:
        cells: list[str] = []
        for guess in prediction.guesses[:top]:
            cells += [guess.class_name, f"{guess.probability:.6f}"]
        cells += [""] * (2 * top - len(cells))
        writer.writerow([prediction.source, *cells, prediction.error or ""])


def write_text(path: Path, write_rows: Callable[[IO[str]], None]) -> None:
    """Let `write_rows` write a text file. CSV files start with a byte-order mark, so that Excel recognises UTF-8."""

    def write(temporary: Path) -> None:
        encoding = "utf-8-sig" if path.suffix == ".csv" else "utf-8"
        with open(temporary, "w", encoding=encoding, errors="surrogateescape", newline="") as stream:
            write_rows(stream)

    write_atomically(path, write)


def write_arrays(
    path: Path, class_names: Sequence[str], fill: Callable[[PredictionWriter], None], only_top: bool = False
) -> None:
    """Let `fill` add rows and write them in constant memory as an ``.npz`` for `Predictions.load`.

    With `only_top`, it has only the most probable classes of each image.
    """

    def write(temporary: Path) -> None:
        with prediction_writer(path, len(class_names), only_top) as writer:
            fill(writer)
            writer.write(temporary, class_names)

    write_atomically(path, write)
