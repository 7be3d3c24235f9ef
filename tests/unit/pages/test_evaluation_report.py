"""The page: whole in itself, harmless whatever names say, the same for the same input, and small enough to mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfmind.evaluation import evaluate
from shelfmind.evaluation.coverage import best_at_accuracy
from shelfmind.evaluation.logit_adjustment import trade_off
from shelfmind.evaluation.overlap import Overlap
from shelfmind.evaluation.slices import Difficulty, Slices, slice_accuracy
from shelfmind.pages.evaluation_report import write_evaluation_report
from shelfmind.pages.run_sections import SECTIONS
from shelfmind.pages.thumbnails import thumbnail
from shelfmind.recognition.figures import LevelShare, RecognitionFigures, Share
from shelfmind.recognition.unknowns import CurvePoint, Separation
from shelfmind.records import BadFile
from shelfmind.workflows.difficulties import NO_REFERENCES

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "康师傅（红烧牛肉面）", "{{ 7 * 7 }}"]
HISTORY = [
    {"epoch": 0, "train_loss": 3.2, "val_loss": None, "val_top1": 0.2, "lr": 0.1, "image_size": 64},
    {"epoch": 1, "train_loss": 2.1, "val_loss": 2.4, "val_top1": 0.4},
]
VOID = {"meta", "img", "input", "br"}


class Page(HTMLParser):
    """Collects tags, checks that they close, and gathers the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(each == tag for each, _ in self.tags)


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    paths = []
    for i, size in enumerate([(300, 200), (40, 400), (1, 1), (2000, 1)]):
        paths.append(tmp_path / "photos" / f"{i}.png")
        paths[-1].parent.mkdir(exist_ok=True)
        Image.new("RGB", size, (40 * i, 90, 120)).save(paths[-1])
    paths.append(tmp_path / "photos" / "broken.jpg")
    paths[-1].write_text("no image")
    return paths


@pytest.fixture
def write(make_predictions, photos, tmp_path) -> Callable[..., str]:
    def make(**changes: object) -> str:
        rows = [
            [0.1, 0.7, 0.1, 0.1],
            [0.6, 0.2, 0.1, 0.1],
            [0.1, 0.1, 0.7, 0.1],
            [0.9, 0.1, 0, 0],
            [0.1, 0.2, 0.6, 0.1],
        ]
        bad_files = [BadFile(tmp_path / "photos" / "<b>.jpg", "truncated <i>")]
        predictions = make_predictions([0, 1, 2, 2, 3], rows, HOSTILE, [str(path) for path in photos], bad_files)
        counts = np.array([150, 40, 7, 8])
        given: dict[str, object] = {
            "name": "Demo <b>run</b>",
            "data": "<i>photos</i>",
            "recipe_text": "name: a # <i>&",
            "history": HISTORY,
            "evaluation": replace(evaluate(predictions, counts, split="val"), slices=_slices(photos)),
            "predictions": predictions,
            "catalog_notes": ["the <u>split</u> was made here"],
            "train_counts": counts,
            "provenance": {"versions": {"numpy": "<s>1.26</s>"}, "seed": None, "tags": ["a", "b"]},
            "references": {0: [photos[4], photos[0]], 1: [photos[1]], 2: [photos[2]]},
            "recognition": _recognition(),
        }
        path = tmp_path / "report.html"
        write_evaluation_report(path, **(given | changes))  # type: ignore[arg-type]
        return path.read_text(encoding="utf-8")

    return make


def _slices(photos: list[Path]) -> Slices:
    """Of 200 images: blurred ones are mostly wrong, tilt does not matter, five are small."""
    values = np.arange(200.0)
    rng = np.random.default_rng(0)
    difficulties = [
        Difficulty("blur", values, (100.0,)),
        Difficulty("tilt", np.where(rng.random(200) < 0.3, np.nan, 40 * rng.random(200)), (8.0,), "°"),
        Difficulty("image_size", values, (5.0,), " px"),
    ]
    paths = [str(photos[number % len(photos)]) for number in range(200)]
    return slice_accuracy(values < 110, np.full(200, 0.8), paths, difficulties, {"siblings": NO_REFERENCES})


def test_accuracy_by_difficulty_is_told_worst_first(write) -> None:
    source = write()
    page = Page(source)
    section = source[source.index('<section id="difficulties">') : source.index('<section id="classes">')]
    assert section.index("100 or more") < section.index("under 100") < section.index("too few images")
    assert section.count('class="wrong"') == 1
    assert section.count("<li") == 6
    assert "10 of 100 correct" in page.text
    assert "5.5% to 17.4%" in page.text  # Wilson's interval of 10 in 100
    assert "Not measured: Similarity to the most similar other class (the data has no training photos)." in page.text
    assert "8° or more" in page.text
    assert "not measurable" in page.text
    assert "5 / 5" in page.text
    assert "3 of 6 groups differ" in page.text


def test_a_run_measured_before_there_were_slices_has_no_such_section(write, make_predictions) -> None:
    predictions = make_predictions([0, 1], [[0.9, 0.1], [0.2, 0.8]], ["a", "b"], ["0.png", "1.png"])
    assert 'id="difficulties"' not in write(evaluation=evaluate(predictions, None), predictions=predictions)


def _recognition() -> RecognitionFigures:
    some, none = Share.of(np.array([True, True, False])), Share.of(np.zeros(0, np.bool_))
    levels = (LevelShare("product", some, some), LevelShare("family", some, some), LevelShare("undecided", none, None))
    curve = (CurvePoint(0.2, 1.0, 0.7, 0.6), CurvePoint(0.8, 0.5, 0.9, 0.1))
    told = Separation(0.912, 0.3)
    return RecognitionFigures(some, some, 0.667, some, some, none, told, levels, curve, 0.5, 0.01, "photo")


def test_answers_with_a_gallery_are_told(write) -> None:
    page = Page(write())
    assert "AUROC 0.912" in page.text
    assert "Harmonic mean of trained and enrolled: 66.7%" in page.text
    assert "at most 1.0% of unknown objects" in page.text
    assert "20.8% to 93.9%" in page.text  # Wilson's interval of 2 in 3
    assert 'id="recognition"' not in write(recognition=None)


def test_names_cannot_become_markup(write) -> None:
    source = write()
    page = Page(source)
    assert page.count("script") == 1
    assert not {"b", "s", "u"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "alert(1)" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "康师傅（红烧牛肉面）" in page.text


def test_nothing_is_loaded_from_elsewhere(write) -> None:
    source = write()
    page = Page(source)
    addresses = [attrs[name] or "" for _, attrs in page.tags for name in ("src", "href") if name in attrs]
    assert addresses
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in addresses)
    targets = {attrs.get("id") for _, attrs in page.tags}
    assert all(address[1:] in targets for address in addresses if address.startswith("#"))
    assert not re.search(r"url\(|@import|https?://", source)
    assert page.count("link") == 0


def test_every_section_of_the_table_is_there_in_its_order(write) -> None:
    page = Page(write())
    anchors = [str(attrs["id"]) for tag, attrs in page.tags if tag == "section" and "id" in attrs]
    assert anchors == [name for name in SECTIONS if name != "confidence"]  # five images are too few for that
    links = [str(attrs["href"]) for tag, attrs in page.tags if tag == "a"]
    assert links[: len(anchors)] == [f"#{anchor}" for anchor in anchors]
    without = Page(write(history=[]))
    assert [attrs["id"] for tag, attrs in without.tags if tag == "section" and "id" in attrs] == anchors[1:]


def test_pictures_and_placeholders(write) -> None:
    page = Page(write())
    pictures = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(pictures) == 4 * 2 + 4 - 2 + 5  # four confusions of two, four errors, less broken files; a slice's
    assert all(attrs.get("alt") for attrs in pictures)
    assert page.text.count("cannot be opened") == 3
    assert all("/" not in (attrs["title"] or "") for attrs in pictures), "shared folders are cut off"


def test_figures_and_words(write) -> None:
    text = " ".join(Page(write()).text.split())
    assert "1 of 5 val images is classified correctly. Too few images for a reliable estimate" in text
    assert "1 class with more than 100 training images" in text
    assert "fewer than 20 training images" in text
    assert "1 file could not be read" in text
    assert "versions.numpy" in text
    assert "Lowest on validation: 2.4 at epoch 2." in text


def test_the_same_input_gives_the_same_page(write) -> None:
    assert write() == write()


def test_the_least_that_can_be_given(make_predictions, tmp_path) -> None:
    predictions = make_predictions([0, 1], [[1.0, 0.0], [0.0, 1.0]], paths=["a.jpg", "gone/b.jpg"])
    evaluation = evaluate(predictions, None)
    write_evaluation_report(
        tmp_path / "r.html",
        name="n",
        data="d",
        recipe_text="",
        history=[],
        evaluation=evaluation,
        predictions=predictions,
    )
    text = " ".join(Page((tmp_path / "r.html").read_text(encoding="utf-8")).text.split())
    assert "every image was classified correctly" in text
    assert "every file was read" in text


def test_bad_files_that_are_only_counted(write, make_predictions) -> None:
    predictions = make_predictions([0], [[0.4, 0.2, 0.2, 0.2]], HOSTILE, bad_files=[BadFile(Path("a.jpg"), "empty")])
    text = Page(write(evaluation=evaluate(predictions, None), predictions=replace(predictions, bad_files=())))
    assert "1 file could not be read and is excluded from all metrics." in text.text
    assert "a.jpg" not in text.text


def test_without_references_only_the_mistaken_image_is_shown(write) -> None:
    page = Page(write(references=None))
    assert "→" not in page.text
    assert "misclassified image with the highest confidence" in page.text


def test_a_large_run_stays_below_three_megabytes(random_predictions, tmp_path) -> None:
    rng = np.random.default_rng(0)
    for i in range(60):
        Image.fromarray(rng.integers(0, 256, (96, 128, 3), np.uint8)).save(tmp_path / f"{i}.png")
    predictions = random_predictions(3000, 2388, seed=0)
    paths = tuple(str(tmp_path / f"{i % 60}.png") for i in range(3000))
    predictions = type(predictions)(
        paths, predictions.labels, predictions.probabilities, predictions.embeddings,
        tuple(f"一个相当长的商品名称 500ml（{i}）" for i in range(2388)),
    )  # fmt: skip
    counts = rng.integers(1, 300, 2388)
    write_evaluation_report(
        tmp_path / "r.html",
        name="n",
        data="d",
        recipe_text="",
        history=HISTORY,
        evaluation=evaluate(predictions, counts),
        predictions=predictions,
        train_counts=counts,
        references={i: [tmp_path / f"{i % 60}.png"] for i in range(2388)},
    )
    assert (tmp_path / "r.html").stat().st_size < 3_000_000


def test_thumbnails_are_small_and_keep_the_proportions(photos) -> None:
    import base64
    import io

    for path, size in zip(photos, [(128, 85), (13, 128), (1, 1), (128, 1)], strict=False):
        source = thumbnail(path)
        assert source is not None
        data = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.size) == ("JPEG", size)
    assert thumbnail(photos[4]) is None
    assert thumbnail(Path("missing.jpg")) is None


def test_too_few_images_to_judge_are_counted_and_not_rated(make_predictions, tmp_path) -> None:
    def page(images: int) -> str:
        predictions = make_predictions([0] * images, [[0.9, 0.05, 0.05, 0, 0, 0]] * images)
        evaluation = evaluate(predictions, np.full(6, 200), split="test")
        write_evaluation_report(
            tmp_path / "report.html",
            name="n",
            data="d",
            recipe_text="",
            history=(),
            evaluation=evaluation,
            predictions=predictions,
        )
        return Page((tmp_path / "report.html").read_text(encoding="utf-8")).text

    few, enough = page(1), page(10)
    assert "1 of 1 correct" in few
    assert "Too few images for a reliable estimate" in few
    assert "100.0%" not in few.split("All classes")[1].split("Confidence and classes")[0]
    assert "Too few images for a reliable estimate" not in enough
    assert "72.2% to 100.0%" in enough


def test_warnings_of_the_training_come_first(write, make_predictions) -> None:
    evaluation = evaluate(make_predictions([0], [[0.9, 0.1]]), None)
    text = Page(write(evaluation=replace(evaluation, warnings=("training ended after 1 step",)))).text
    assert text.index("Warning: training ended after 1 step") < text.index("Top-1 accuracy")
    assert "Warning" not in Page(write()).text


def test_what_makes_the_figures_doubtful_comes_first_too(write, make_predictions) -> None:
    evaluation = evaluate(make_predictions([0], [[0.9, 0.1]]), None)
    notes = ("2 images are new to the run: not evaluated", "warning: evaluated images were seen in training")
    text = Page(write(evaluation=replace(evaluation, notes=notes))).text
    assert text.index("Warning: evaluated images") < text.index("Top-1 accuracy") < text.index("2 images are new")
    assert text.count("evaluated images were seen") == 1


def test_of_too_few_images_no_best_epoch_or_strength_is_named(write, make_predictions) -> None:
    history = [{"epoch": 0, "val_top1": 1.0}, {"epoch": 1, "val_top1": 0.0}]
    few, many = ({"data": {"images": {"val": images}}} for images in (1, 100))
    assert "Best:" not in Page(write(history=history, provenance=few)).text
    assert "Best: 100.0%" in Page(write(history=history, provenance=many)).text
    one = make_predictions([0], [[0.9, 0.1]])
    rows = trade_off(one, np.array([3, 4]))
    assert "peaks at" not in Page(write(evaluation=evaluate(one, None), trade_offs=rows)).text
    enough = evaluate(make_predictions([0] * 20, [[0.9, 0.1]] * 20), None)
    assert "peaks at" in Page(write(evaluation=enough, trade_offs=rows)).text


def cells(source: str, table: str) -> list[list[str]]:
    """The text of each cell of a table's body."""
    body = source.partition(f'<table id="{table}"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall("<tr>(.*?)</tr>", body, re.DOTALL)
    return [[re.sub("<[^>]*>", "", cell).strip() for cell in re.findall("<td.*?</td>", row, re.DOTALL)] for row in rows]


def test_the_title_names_run_and_data(write) -> None:
    page = write(name="first", data="photos")
    assert '<title data-zh="first 在 photos 上的评估：验证集">first on photos: val</title>' in page


def test_data_with_fewer_classes_than_the_run_says_so(make_predictions, write) -> None:
    predictions = make_predictions([0] * 6 + [1] * 6, np.eye(5)[[0] * 6 + [1] * 6])
    page = write(predictions=predictions, evaluation=evaluate(predictions, None), train_counts=None, references=None)
    assert "2 of 5 with images" in Page(page).text


def test_the_worst_classes_come_first(make_predictions, write) -> None:
    names = ["all right", "half", "none of two", "none of one", "no image"]
    labels = [0, 1, 1, 2, 2, 3]
    taken_for = [0, 1, 0, 0, 0, 0]
    predictions = make_predictions(labels, np.eye(5)[taken_for], names)
    page = write(predictions=predictions, evaluation=evaluate(predictions, None), train_counts=None, references=None)
    assert [row[0] for row in cells(page, "classes-table")] == [
        "none of two",
        "none of one",
        "half",
        "all right",
        "no image",
    ]


def test_all_errors_are_listed_by_file_the_most_confident_first(random_predictions, write) -> None:
    predictions = random_predictions(400, 6, seed=2)
    evaluation = evaluate(predictions, None)
    page = write(
        predictions=predictions, evaluation=evaluation, train_counts=None, references=None, errors_file="e.csv"
    )
    rows = cells(page, "errors-table")
    assert len(rows) == 400 - evaluation.top1_right > 100
    assert [row[0] for row in rows] == [Path(each.path).name for each in evaluation.errors]
    assert rows[0][1:4] == [evaluation.errors[0].given, evaluation.errors[0].predicted, rows[0][3]]
    assert "The full list is in e.csv." in Page(page).text


def test_more_errors_than_a_page_can_show_are_in_the_file(random_predictions, write, monkeypatch) -> None:
    monkeypatch.setattr("shelfmind.pages.run_sections._MAX_ERRORS", 5)
    predictions = random_predictions(100, 6, seed=2)
    evaluation = evaluate(predictions, None)
    page = write(
        predictions=predictions, evaluation=evaluation, train_counts=None, references=None, errors_file="e.csv"
    )
    assert len(cells(page, "errors-table")) == 5
    assert f"{len(evaluation.errors) - 5} more are in e.csv." in Page(page).text


def test_accuracy_is_drawn_over_coverage(random_predictions, write) -> None:
    predictions = random_predictions(400, 6, seed=2)
    evaluation = evaluate(predictions, None)
    page = write(predictions=predictions, evaluation=evaluation, train_counts=None)
    last, best = evaluation.coverage[-1], best_at_accuracy(evaluation.coverage, 0.9)
    assert best is not None
    drawn = f"100.0% of the images (confidence {last.confidence:.1%} or more): accuracy {last.accuracy:.1%}"
    assert drawn in Page(page).text
    assert f"<td>90%</td><td>{best.confidence:.1%}</td><td>{best.share:.1%}</td>" in page


CALIBRATING = ("shelfmind", "calibrate", "runs/a b", "photos")


@pytest.mark.parametrize(("confidence", "said"), [(0.99, "overconfident"), (0.51, "underconfident")])
def test_a_poor_calibration_comes_with_what_mends_it(confidence, said, make_predictions, write) -> None:
    right = [0] * 150 + [1] * 50
    predictions = make_predictions(right, [[confidence, 1 - confidence]] * 200)
    page = write(predictions=predictions, evaluation=evaluate(predictions, None), calibrating=CALIBRATING)
    assert said in Page(page).text
    assert "shelfmind calibrate &#39;runs/a b&#39; photos" in page


def test_a_calibration_that_chance_explains_needs_no_mending(make_predictions, write) -> None:
    predictions = make_predictions([0] * 16 + [1] * 4, [[0.85, 0.15]] * 20)
    page = write(predictions=predictions, evaluation=evaluate(predictions, None), calibrating=CALIBRATING)
    assert "no evidence of miscalibration" in Page(page).text
    assert "shelfmind calibrate" not in page


@pytest.mark.parametrize("images", [5, 400])
def test_a_reader_of_chinese_meets_no_english(images, random_predictions, write, in_english_only) -> None:
    names = [f"商品{i}" for i in range(6)]
    predictions = replace(random_predictions(images, 6, seed=2), class_names=tuple(names))
    predictions = replace(predictions, paths=tuple(f"/照片/{i}.jpg" for i in range(images)))
    counts = np.array([150, 120, 60, 30, 12, 3])
    warnings = (
        "training ended after 3 steps of 4 images, too few to learn from. Train for more epochs or on more photos",
    )
    notes = ("12 images are new to the run: not evaluated; evaluate new images with split='new'",)
    evaluation = evaluate(predictions, counts, split="test,new", tta=("翻转",), seen=Overlap(1, 2, 3), notes=notes)
    page = write(
        name="一",
        data="二",
        predictions=predictions,
        evaluation=replace(evaluation, warnings=warnings, bad_files=2),
        train_counts=counts,
        references=None,
        catalog_notes=["classes without training images: 1 (商品)"],
        provenance=None,
        trade_offs=trade_off(predictions, counts),
        calibrating=("calibrate",),
    )
    assert in_english_only(page) <= {"split='new'"}
