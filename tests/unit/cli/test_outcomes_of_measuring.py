"""What the verbs that predict print at their end."""

from __future__ import annotations

import pytest

from shelfmind.cli.outcomes.measuring import show_predictions
from shelfmind.display import Display
from shelfmind.inference.predict_files import PredictionOutcome
from shelfmind.inference.recognizer import Answer, Candidate
from shelfmind.requests.measuring import PredictRequest


def test_the_photos_of_one_object_are_all_shown_by_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    outcome, best = PredictionOutcome(engine="onnx fp32"), Candidate("tea", 0.9, 0.8, "training", None)
    outcome.note_answer(Answer("1.jpg and 2 more", "product", "tea", (best,), together=("1.jpg", "2.jpg", "3.jpg")))
    outcome.note_answer(Answer.unusable("4.jpg", "not an image"))
    request = PredictRequest(run="run", paths=("photos",), gallery="products", together=True)
    show_predictions(outcome, request, Display())
    said = capsys.readouterr()
    assert "unusable" in said.out
    assert "1 of 4 files cannot be used" in said.err
    assert "write all with" not in said.err
