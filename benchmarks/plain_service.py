"""A straightforward service with FastAPI and ONNX Runtime, one request at a time. Started by benchmarks/service.py.

Photos are preprocessed by shelfmind's functions, so that answers can be compared bit by bit; the rest is standard.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, UploadFile

from shelfmind.evaluation.calibration import temperature_scaled
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import square
from shelfmind.inference.exported import read_exported
from shelfmind.inference.views import apply_view, test_time_views

exported = read_exported(Path(sys.argv[1]))
recipe = exported.recipe
session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
app = FastAPI()


@app.post("/v1/recognize")
def predict(image: UploadFile) -> Any:
    photo = square(image.file.read(), recipe.data)
    found = []
    for view in test_time_views(recipe.evaluation.tta):
        pixels = rescaled(apply_view(photo, view), max(16, round(recipe.evaluation_size * view.scale)))
        pixels = np.ascontiguousarray(pixels[:, ::-1]) if view.flip else pixels
        found.append(session.run(["probabilities"], {"images": pixels[None]})[0])
    probabilities = temperature_scaled(np.mean(found, axis=0), exported.temperature(recipe.evaluation.tta))[0]
    best = np.argsort(-probabilities, kind="stable")[:5]
    candidates = [{"product": exported.class_names[i], "probability": float(probabilities[i])} for i in best]
    return {"answers": [{"candidates": candidates}]}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
