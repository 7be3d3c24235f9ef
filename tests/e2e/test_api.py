"""The verbs from Python."""

from __future__ import annotations

import json

import pytest

PREDICT = """
import shelfmind
from pathlib import Path
from PIL import Image
run = shelfmind.load({run!r})
paths = [Path(path) for path in {paths!r}]

def plain(prediction):
    guesses = [[guess.class_name, guess.probability] for guess in prediction.guesses]
    return [prediction.source, guesses, prediction.error]

def one(image):
    (prediction,) = run.predict(image)
    return plain(prediction)
"""


@pytest.fixture
def python(warm, trained):
    """Run Python in which `run` is the loaded run and `paths` are these."""

    def run(code, paths=()):
        start = PREDICT.format(run=str(trained.run), paths=[str(path) for path in paths])
        return warm.python(start + code)

    return run


def test_a_path_its_bytes_and_its_image_predict_the_same(python, photos):
    code = "answer = [one(form) for form in (str(paths[0]), paths[0], paths[0].read_bytes(), Image.open(paths[0]))]"
    text, path, encoded, image = python(code, photos)
    assert len(text[1]) == 3  # all classes there are
    assert sum(probability for _, probability in text[1]) == pytest.approx(1, abs=1e-5)
    assert text[0] == path[0] == str(photos[0])
    assert text[1] == path[1] == encoded[1] == image[1]


ARRAYS = """
import numpy as np
pixels = np.asarray(Image.open(paths[0]).convert("RGB"))
many = [run.predict(form) for form in (np.stack([pixels, pixels]), [pixels, paths[0]], iter([pixels, pixels]))]
answer = [one(paths[0]), one(pixels), [[plain(each) for each in predictions] for predictions in many]]
"""


def test_an_array_predicts_as_its_file(python, photos):
    path, array, many = python(ARRAYS, photos)
    assert array[1:] == path[1:]
    assert array[0] == "image 0"
    assert all(len(predictions) == 2 for predictions in many)
    expected = [[name for name, _ in path[1]]] * 2
    assert all([[name for name, _ in guesses] for _, guesses, _ in predictions] == expected for predictions in many)


@pytest.mark.parametrize("array", ["np.zeros((3, 64, 64), np.uint8)", "np.zeros((64, 64, 3), np.float32)"])
def test_an_array_of_another_kind_is_refused(array, python):
    code = f"""
import numpy as np
from shelfmind.errors import UserError
try:
    run.predict({array})
except UserError as error:
    answer = str(error)
"""
    said = python(code)
    assert "uint8 of shape (height, width, 3) in RGB order" in said
    assert "got" in said


@pytest.mark.parametrize("kind", ["cmyk", "grey16", "palette", "animated", "turned", "panorama", "pixel"])
def test_an_odd_image_predicts_the_same_from_a_path_bytes_and_pillow(kind, python, odd):
    code = "answer = [one(form)[1:] for form in (paths[0], paths[0].read_bytes(), Image.open(paths[0]))]"
    path, encoded, image = python(code, [odd[kind]])
    assert path[1] is None
    assert encoded == path
    assert image == path


def test_many_images_come_back_in_order_and_agree_with_the_command(python, photos, trained, warm, tmp_path):
    answer = python("answer = [plain(prediction) for prediction in run.predict(iter(paths), top=2)]", photos)
    assert [source for source, _, _ in answer] == [str(path) for path in photos]
    assert warm("predict", trained.run, *photos, "--top", 2, "--out", tmp_path / "p.jsonl").status == 0
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    said = [[[guess["class"], guess["probability"]] for guess in line["predictions"]] for line in lines]
    assert [[[name, round(value, 6)] for name, value in guesses] for _, guesses, _ in answer] == said


def test_a_bad_image_in_a_list_carries_its_reason(python, photos, bad):
    code = """
forms = [paths[0], *paths[1:], paths[0], b"no image", Image.open({cut!r})]
answer = [plain(prediction) for prediction in run.predict(forms)]
"""
    cut = next(path for path in bad if path.name == "cut.jpg")
    first, *middle, again, encoded, lazy = python(code.format(cut=str(cut)), [photos[0], *bad])
    assert [error for _, _, error in middle] == list(bad.values())
    assert all(guesses == [] for _, guesses, error in [*middle, encoded, lazy])
    assert first[2] is None
    assert again == first
    assert (encoded[2], lazy[2]) == ("not an image", "truncated")


def test_no_images_are_no_predictions(python):
    assert python("answer = run.predict([])") == []


def test_test_time_views_are_averaged(python, photos):
    code = """
def probabilities(tta):
    (prediction,) = shelfmind.load(run.run.root, tta=tta).predict(paths[0])
    return {guess.class_name: guess.probability for guess in prediction.guesses}

answer = [probabilities(()), probabilities(("flip",))]
"""
    plain, flipped = python(code, photos)
    assert plain != flipped
    assert sum(flipped.values()) == pytest.approx(1, abs=1e-5)


TRAIN = """
import shelfmind
from shelfmind.recipe import load_recipe
overrides = {overrides!r}
seen = []

class Watcher(shelfmind.Watcher):
    def step(self, figures):
        seen.append("step")

    def epoch(self, entry):
        seen.append(entry["epoch"])

evaluation = shelfmind.train({data!r}, out={out!r}, watcher=Watcher(), {how})
answer = [seen, evaluation.to_json()]
"""


def test_train_takes_a_name_with_overrides_or_a_recipe(warm, data, settings, tmp_path):
    overrides = settings()[1::2]
    ways = {
        "name": "recipe='default', overrides=overrides, epochs=1",
        "recipe": "recipe=load_recipe('default', [*overrides, 'train.epochs=1'])",
    }
    figures = {}
    for way, how in ways.items():
        code = TRAIN.format(overrides=overrides, data=str(data), out=str(tmp_path / way), how=how)
        seen, figures[way] = warm.python(code)
        assert seen == ["step"] * 6 + [0]
        assert (figures[way]["images"], figures[way]["split"]) == (3, "val")
    assert figures["name"]["top1"] == figures["recipe"]["top1"]
    assert figures["name"]["ece"] == figures["recipe"]["ece"]
    one, other = ((tmp_path / way / "recipe.yaml").read_text() for way in ways)
    assert one == other
    resumed = warm.python(f"import shelfmind\nanswer = shelfmind.resume({str(tmp_path / 'name')!r}).to_json()")
    assert resumed["ece"] == figures["name"]["ece"]


REFUSED = """
import shelfmind
from shelfmind.errors import UserError
from shelfmind.recipe import Recipe
data, run, out = {data!r}, {run!r}, {out!r}
try:
    {call}
except UserError as error:
    answer = str(error)
"""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("shelfmind.train(data, recipe=Recipe(), overrides=['train.epochs=1'], out=out)", "overrides"),
        ("shelfmind.train(data, out=out, epochs=0)", "epochs"),
        ("shelfmind.train(data, out=out, seed=-1)", "seed"),
        ("shelfmind.train(data, out=out, max_minutes=0)", "max_minutes must be greater than 0"),
        ("shelfmind.train(out + '/missing', out=out)", "missing"),
        ("shelfmind.resume(out)", "there is no run at"),
        ("shelfmind.load(out)", "there is no run at"),
        ("shelfmind.load(run, tta=['flop'])", "flip"),
        ("shelfmind.evaluate(run, data, split='tset')", "test"),
        ("shelfmind.open_catalog(data, format='foldr')", "folder"),
        ("shelfmind.create_model('resnet81', 5)", "resnet18"),
        ("shelfmind.create_model('resnet18', 1)", "2 classes"),
    ],
)
def test_a_mistake_raises_a_user_error_that_names_it(call, said, warm, data, trained, tmp_path):
    out = tmp_path / "out"
    error = warm.python(REFUSED.format(data=str(data), run=str(trained.run), out=str(out), call=call))
    assert error is not None
    assert said in error
    assert not out.exists()


def test_evaluate_measures_a_run(warm, copied_run, data):
    code = f"import shelfmind\nanswer = shelfmind.evaluate({str(copied_run)!r}, {str(data)!r}, tta=['flip']).to_json()"
    figures = warm.python(code)
    assert (figures["images"], figures["split"], figures["tta"]) == (7, "test", ["flip"])
    assert json.loads((copied_run / "metrics.json").read_text())["top1"] == figures["top1"]


def test_open_catalog_knows_the_data(warm, data):
    code = f"""
import shelfmind
catalog = shelfmind.open_catalog({str(data)!r})
answer = [catalog.format, catalog.class_names, [len(catalog.split(name)) for name in ("train", "val", "test")]]
"""
    classes = sorted(path.name for path in (data / "train").iterdir())
    assert warm.python(code) == ["folder", classes, [26, 3, 7]]


def test_every_name_offered_is_there_and_no_other(warm):
    code = """
import shelfmind
from shelfmind import *
names = [name for name in shelfmind.__all__ if not callable(globals()[name])]
try:
    shelfmind.trian
except AttributeError as error:
    answer = [names, shelfmind.list_models(), str(error)]
"""
    missing, models, error = warm.python(code)
    assert missing == []
    assert models == sorted(models)
    assert "resnet50" in models
    assert "trian" in error
