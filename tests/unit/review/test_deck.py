"""What the page is told: cards, decisions of everybody, undo."""

from __future__ import annotations

import pytest

from shelfmind.analysis.decisions import append_decision, decide, read_decisions
from shelfmind.errors import UserError
from shelfmind.review.deck import Deck, check_reviewer


@pytest.fixture
def log(tmp_path):
    return tmp_path / "review.jsonl"


@pytest.fixture
def deck(audit, log):
    return Deck(audit, "王", log)


def states(answer):
    return {
        number: [(each["reviewer"], each["decision"], each["label"]) for each in of] for number, of in answer.items()
    }


def test_the_overview_has_a_column_entry_for_each_suspect(deck):
    overview = deck.overview()
    assert overview["classes"] == ["可乐", "芬达（1L）", "雪碧"]
    assert (overview["given"], overview["suggested"]) == ([0, 2, 0], [2, 0, None])
    assert overview["kind"] == ["label", "label", "outlier"]
    assert (overview["version"], overview["decided"], overview["states"]) == (0, 0, {})


def test_cards_name_images_by_number(deck):
    card, outlier = deck.cards([0, 2])
    assert (deck.images[card["image"]], card["score"]) == ("train/可乐/1.jpg", 0.9)
    assert [deck.images[each] for each in card["neighbours"]] == ["train/雪碧/1.jpg"]
    assert outlier["neighbours"] == outlier["typical"] == []
    for numbers in ([3], [-1], list(range(101))):
        with pytest.raises(LookupError):
            deck.cards(numbers)


def test_examples_of_a_class_are_what_the_suspects_name(deck):
    (image,) = deck.examples(2)
    assert deck.images[image] == "train/雪碧/1.jpg"
    assert deck.examples(1) == []
    with pytest.raises(LookupError):
        deck.examples(3)


def test_a_decision_is_in_the_log_when_it_is_answered(deck, log):
    answer = deck.decide(0, "relabel", "雪碧")
    (written,) = read_decisions(log)
    assert (written.path, written.given, written.decision, written.label) == (
        "train/可乐/1.jpg",
        "可乐",
        "relabel",
        "雪碧",
    )
    assert states(answer["states"]) == {0: [("王", "relabel", "雪碧")]}
    assert (answer["version"], answer["decided"], answer["states"][0][0]["mine"]) == (1, 1, True)


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("芬达(1L)", "芬达（1L）"),
        ("芬达(1l)", "芬达（1L）"),
        (" 雪碧 ", "雪碧"),
        ("新　品", "新 品"),
        ("芬达（1L）", "芬达（1L）"),
    ],
)
def test_a_class_typed_in_another_spelling_is_that_class_and_a_new_one_is_normalised(deck, log, typed, label):
    deck.decide(0, "relabel", typed)
    assert read_decisions(log)[0].label == label


@pytest.mark.parametrize(
    ("number", "decision", "label", "error"),
    [
        (3, "keep", None, LookupError),
        (-1, "keep", None, LookupError),
        (0, "kepe", None, ValueError),
        (0, "keep", "雪碧", ValueError),
        (0, "relabel", None, ValueError),
        (0, "relabel", "  ", ValueError),
        (0, "relabel", "a\nb", None),
        (0, "relabel", "a\0b", ValueError),
        (0, "relabel", "x" * 201, ValueError),
        (0, "relabel", "可乐", ValueError),
    ],
)
def test_a_decision_that_makes_no_sense_is_not_written(deck, log, number, decision, label, error):
    if error is None:
        deck.decide(number, decision, label)
        assert read_decisions(log)[0].label == "a b"
        return
    with pytest.raises(error):
        deck.decide(number, decision, label)
    assert not log.exists()


def test_undo_takes_back_ones_own_last_decision_and_says_on_which(deck, log):
    append_decision(log, decide("李", "train/雪碧/2.png", "雪碧", "drop"))
    deck.decide(0, "keep", None)
    deck.decide(2, "others", None)
    append_decision(log, decide("李", "train/可乐/2.jpg", "可乐", "drop"))
    assert (deck.undo(None)["undone"], deck.undo(None)["undone"], deck.undo(None)["undone"]) == (2, 0, None)
    assert states(deck.news(0)["states"]) == {0: [], 1: [("李", "drop", None)], 2: [("李", "drop", None)]}
    assert deck.decided() == 2


def test_a_certain_decision_can_be_taken_back(deck):
    deck.decide(0, "keep", None)
    deck.decide(2, "drop", None)
    assert deck.undo(0)["undone"] == 0
    assert deck.undo(0)["undone"] is None
    assert deck.undo(2)["undone"] == 2


def test_what_others_decide_comes_as_news(audit, log):
    wang, li = Deck(audit, "王", log), Deck(audit, "李", log)
    version = wang.overview()["version"]
    li.decide(0, "drop", None)
    news = wang.news(version)
    assert states(news["states"]) == {0: [("李", "drop", None)]}
    assert news["states"][0][0]["mine"] is False
    assert wang.news(news["version"])["states"] == {}
    wang.decide(0, "keep", None)
    assert states(li.news(version)["states"]) == {0: [("李", "drop", None), ("王", "keep", None)]}
    li.undo(None)
    assert states(wang.news(version)["states"]) == {0: [("王", "keep", None)]}


def test_a_log_that_was_replaced_is_read_anew(deck, log):
    deck.decide(0, "keep", None)
    deck.decide(1, "keep", None)
    log.unlink()
    append_decision(log, decide("李", "train/可乐/1.jpg", "可乐", "drop"))
    news = deck.news(2)
    assert news["all"]
    assert states(news["states"]) == {0: [("李", "drop", None)], 1: [], 2: []}


@pytest.mark.parametrize("emptied", [True, False])
def test_a_log_that_was_emptied_or_deleted_has_no_decisions(deck, log, emptied):
    deck.decide(0, "keep", None)
    if emptied:
        log.write_bytes(b"")
    else:
        log.unlink()
    assert (deck.decided(), deck.overview()["states"]) == (0, {})
    assert deck.undo(None)["undone"] is None
    deck.decide(1, "drop", None)
    assert states(deck.overview()["states"]) == {1: [("王", "drop", None)]}


def test_a_last_line_without_its_line_break_counts(audit, log):
    append_decision(log, decide("李", "train/可乐/1.jpg", "可乐", "drop"))
    log.write_bytes(log.read_bytes().rstrip(b"\n"))
    deck = Deck(audit, "王", log)
    assert deck.decided() == len(read_decisions(log)) == 1
    deck.decide(1, "keep", None)
    assert states(deck.overview()["states"]) == {0: [("李", "drop", None)], 1: [("王", "keep", None)]}
    with open(log, "a") as file:
        file.write("oops\n")
    with pytest.raises(UserError, match=r"review\.jsonl, line 3"):
        deck.news(0)


def test_a_half_written_line_is_no_news_yet(deck, log):
    deck.decide(0, "keep", None)
    line = log.read_bytes()
    with open(log, "ab") as file:
        file.write(line[:30])
        file.flush()
        assert deck.news(0)["version"] == 1
        file.write(line[30:])
    assert deck.news(0)["version"] == 2


def test_a_line_that_somebody_broke_is_named(deck, log):
    deck.decide(0, "keep", None)
    with open(log, "a") as file:
        file.write("oops\n")
    with pytest.raises(UserError, match=r"review\.jsonl, line 2"):
        deck.news(0)


def test_decisions_on_other_images_do_not_count(deck, log):
    append_decision(log, decide("王", "elsewhere.jpg", "可乐", "drop"))
    assert (deck.decided(), deck.overview()["states"], deck.undo(None)["undone"]) == (0, {}, None)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 300])
def test_a_reviewer_needs_a_name(name):
    with pytest.raises(UserError, match="set another reviewer"):
        check_reviewer(name)
    assert check_reviewer(" 王 ") == "王"
