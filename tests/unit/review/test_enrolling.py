"""Decisions about groups become changes of the gallery: once each, undoable, and whole when a process is killed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.decisions import append_decision, decide, read_decisions, take_back
from shelfmind.errors import UserError
from shelfmind.gallery.discovery_folder import (
    CHANGED,
    NEW,
    Discovery,
    FoundPhoto,
    Group,
    Nearest,
    read_discovery,
    write_discovery,
)
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.review.enrolling import Enrolments, StoredVectors
from shelfmind.review.group_deck import GroupDeck
from shelfmind.review.group_pictures import GroupPictures
from shelfmind.review.pictures import NoPicture

IDENTITY = {"weights": "first", "width": 4}
ME = Attribution("tester", "because")


class Fixed:
    """Unit vectors by content."""

    identity = IDENTITY

    def embed(self, photos, total):
        return np.stack([vector(photo) for photo in photos])


def vector(content):
    seed = int.from_bytes(hashlib.sha256(content).digest()[:4], "big")
    row = np.random.default_rng(seed).standard_normal(4).astype(np.float32)
    return row / np.linalg.norm(row)


def picture(path, colour):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", (40, 60), colour).save(path)
    return path


@pytest.fixture
def gallery(tmp_path):
    made = Gallery.create(LocalFiles(tmp_path / "商品库"), Fixed(), ME)
    made.add([Photo("可乐", "c.png", picture(tmp_path / "c.png", (200, 0, 0)))], Fixed(), ME)
    return made


@pytest.fixture
def found(gallery, tmp_path):
    """Three groups of 3, 2 and 2 photos; the nearest product of all is the one there is."""
    reference = next(gallery.state.entries()).sha256
    groups, rows = [], []
    for number, (kind, count) in enumerate(((NEW, 3), (CHANGED, 2), (NEW, 2)), start=1):
        photos = []
        for each in range(count):
            path = picture(tmp_path / "照片" / f"{number}-{each}.png", (0, 40 * number, 40 * each))
            content = path.read_bytes()
            rows.append(vector(content))
            photos.append(FoundPhoto(str(path), hashlib.sha256(content).hexdigest(), Nearest("可乐", 0.5, reference)))
        groups.append(Group(number, kind, 0.9, Nearest("可乐", 0.5, reference), tuple(photos)))
    folder = tmp_path / "discovery"
    folder.mkdir()
    write_discovery(
        folder,
        Discovery(str(tmp_path / "商品库"), IDENTITY, {}, tuple(groups), (), (), (), np.stack(rows)),
    )
    return read_discovery(folder)


@pytest.fixture
def opened(found, tmp_path):
    """A function that opens the decisions as a process of its own would."""

    def fresh():
        gallery = Gallery(LocalFiles(tmp_path / "商品库"))
        return Enrolments(found, gallery, tmp_path / "discovery" / "review.jsonl", "discovery", lambda gallery: None)

    return fresh


def products(tmp_path):
    state = Gallery(LocalFiles(tmp_path / "商品库")).state
    return {sku: len(photos) for sku, photos in state.products.items()}


def test_a_group_is_enrolled_by_its_kept_vectors_as_one_change(opened, found, tmp_path):
    enrolments = opened()
    assert enrolments.decide(found.groups[0], "enrol", "雪碧", "王") == ()
    gallery = Gallery(LocalFiles(tmp_path / "商品库"))
    assert products(tmp_path) == {"可乐": 1, "雪碧": 3}
    last = gallery.state.history[-1]
    assert (last.version, last.kind, last.author) == (3, "add", "王")
    assert "group 1 of the discovery discovery" in last.reason
    entries, vectors = gallery.vectors()
    rows = {entry.sha256: row for entry, row in zip(entries, vectors, strict=True)}
    for photo, row in zip(found.groups[0].photos, found.vectors, strict=False):
        np.testing.assert_allclose(rows[photo.sha256], row, atol=1e-6)


def test_merging_and_discarding(opened, found, tmp_path):
    enrolments = opened()
    enrolments.decide(found.groups[1], "merge", "可乐", "王")
    enrolments.decide(found.groups[2], "drop", None, "王")
    assert products(tmp_path) == {"可乐": 3}
    assert [line.decision for line in read_decisions(enrolments.log.path)] == ["relabel", "drop"]
    assert len(Gallery(LocalFiles(tmp_path / "商品库")).state.history) == 3


def test_the_same_decision_again_and_another_one_change_nothing(opened, found, tmp_path):
    opened().decide(found.groups[0], "enrol", "雪碧", "王")
    again = opened()
    assert again.decide(found.groups[0], "enrol", "雪碧", "王") == ()
    with pytest.raises(ValueError, match="王 has already decided on this group"):
        again.decide(found.groups[0], "enrol", "芬达", "李")
    with pytest.raises(ValueError, match="undo that decision first"):
        again.decide(found.groups[0], "drop", None, "王")
    assert products(tmp_path) == {"可乐": 1, "雪碧": 3}
    assert len(read_decisions(again.log.path)) == 1


@pytest.mark.parametrize(
    ("decision", "sku", "what"),
    [
        ("enrol", "可乐", "already"),
        ("merge", "可", "no longer has a product"),
        ("enrol", "", "name"),
        ("enrol", None, "name"),
        ("keep", None, "keep"),
        ("drop", "x", "drop"),
    ],
)
def test_a_decision_without_sense_is_refused(opened, found, tmp_path, decision, sku, what):
    enrolments = opened()
    with pytest.raises(ValueError, match=what):
        enrolments.decide(found.groups[0], decision, sku, "王")
    assert products(tmp_path) == {"可乐": 1}
    assert not enrolments.standing()


def test_a_name_that_no_product_can_have_leaves_no_decision(opened, found):
    enrolments = opened()
    with pytest.raises(UserError, match="name must have"):
        enrolments.decide(found.groups[0], "enrol", "x" * 301, "王")
    assert not opened().standing()


def test_taking_back_takes_out_what_was_enrolled_and_nothing_else(opened, found, tmp_path):
    enrolments = opened()
    Gallery(LocalFiles(tmp_path / "商品库")).add(
        [Photo("可乐", "own.png", tmp_path / "照片" / "2-0.png")], Fixed(), ME
    )  # one of the group's photos is enrolled already
    enrolments.decide(found.groups[1], "merge", "可乐", "王")
    enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    assert products(tmp_path) == {"可乐": 3, "雪碧": 3}
    enrolments.take_back(enrolments.standing()[found.groups[1].key])
    assert products(tmp_path) == {"可乐": 2, "雪碧": 3}
    enrolments.take_back(enrolments.standing()[found.groups[0].key])
    assert products(tmp_path) == {"可乐": 2}
    assert not opened().standing()
    enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    assert products(tmp_path) == {"可乐": 2, "雪碧": 3}


def test_what_was_rolled_back_is_not_enrolled_again(opened, found, tmp_path):
    enrolments = opened()
    enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    Gallery(LocalFiles(tmp_path / "商品库")).roll_back(2, ME)
    again = opened()
    assert again.apply_pending() is None
    assert products(tmp_path) == {"可乐": 1}
    again.take_back(again.standing()[found.groups[0].key])
    assert products(tmp_path) == {"可乐": 1}


def test_what_was_renamed_since_is_undone_by_hand(opened, found, tmp_path):
    enrolments = opened()
    enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    Gallery(LocalFiles(tmp_path / "商品库")).rename("雪碧", "雪碧 500ml", ME)
    with pytest.raises(UserError, match="now filed under '雪碧 500ml'"):
        enrolments.take_back(enrolments.standing()[found.groups[0].key])
    assert enrolments.standing()


def test_what_a_compaction_forgot_is_undone_by_hand(opened, found, tmp_path):
    enrolments = opened()
    enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    Gallery(LocalFiles(tmp_path / "商品库")).compact()
    with pytest.raises(UserError, match="compaction deleted version"):
        enrolments.take_back(enrolments.standing()[found.groups[0].key])
    assert opened().apply_pending() is None
    assert products(tmp_path) == {"可乐": 1, "雪碧": 3}


# Interruptions


def test_a_decision_without_its_change_is_carried_out_once(opened, found, tmp_path):
    enrolments = opened()
    append_decision(enrolments.log.path, decide("王", found.groups[0].key, "group 1", "relabel", "雪碧"))
    assert products(tmp_path) == {"可乐": 1}
    assert "3 photos of 雪碧" in str(opened().apply_pending())
    assert products(tmp_path) == {"可乐": 1, "雪碧": 3}
    assert opened().apply_pending() is None
    assert len(Gallery(LocalFiles(tmp_path / "商品库")).state.history) == 3


def test_a_taking_back_without_its_change_is_carried_out_once(opened, found, tmp_path):
    enrolments = opened()
    enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    append_decision(enrolments.log.path, take_back(enrolments.standing()[found.groups[0].key], "王"))
    assert "removed 3 photos" in str(opened().apply_pending())
    assert products(tmp_path) == {"可乐": 1}
    assert opened().apply_pending() is None


def refuse(*arguments, **named):
    raise UserError("the store does not answer")


def test_what_a_killed_reviewer_left_is_carried_out_before_the_next_decision_of_another(opened, found, tmp_path):
    other = opened()
    append_decision(other.log.path, decide("王", found.groups[0].key, "group 1", "relabel", "雪碧"))
    append_decision(other.log.path, decide("王", "group of another discovery", "group 1", "drop"))
    other.decide(found.groups[2], "enrol", "芬达", "李")
    assert products(tmp_path) == {"可乐": 1, "雪碧": 3, "芬达": 2}
    append_decision(other.log.path, take_back(other.standing()[found.groups[0].key], "王"))
    other.take_back(other.standing()[found.groups[2].key])
    assert products(tmp_path) == {"可乐": 1}
    assert opened().apply_pending() is None


def test_an_undo_that_fails_is_carried_out_before_anything_else(opened, found, tmp_path, monkeypatch):
    enrolments = opened()
    deck = GroupDeck(enrolments, "王")
    deck.decide(0, "enrol", "雪碧")
    monkeypatch.setattr(enrolments.gallery, "remove", refuse)
    with pytest.raises(UserError, match="does not answer; group 1 is undone in the log, and in the gallery before"):
        deck.undo(None)
    for attempt in (lambda: deck.undo(None), lambda: deck.decide(2, "enrol", "芬达"), enrolments.apply_pending):
        with pytest.raises(UserError, match="the pending undo of 王 on group 1 cannot be applied: the store"):
            attempt()
    assert len(read_decisions(enrolments.log.path)) == 2
    assert products(tmp_path) == {"可乐": 1, "雪碧": 3}
    monkeypatch.undo()
    assert deck.undo(None)["undone"] is None
    assert products(tmp_path) == {"可乐": 1}
    deck.decide(0, "enrol", "芬达")
    assert products(tmp_path) == {"可乐": 1, "芬达": 3}


def test_a_pending_decision_that_cannot_be_carried_out_is_undone(opened, found, tmp_path, monkeypatch):
    enrolments = opened()
    append_decision(enrolments.log.path, decide("李", found.groups[0].key, "group 1", "relabel", "雪碧"))
    monkeypatch.setattr(enrolments.gallery, "add", refuse)
    message = "the pending decision of 李 on group 1 cannot be applied and was undone: the store does not answer"
    with pytest.raises(UserError, match=message):
        enrolments.decide(found.groups[1], "drop", None, "王")
    assert not enrolments.standing()
    enrolments.decide(found.groups[1], "drop", None, "王")
    assert opened().apply_pending() is None
    assert products(tmp_path) == {"可乐": 1}


def test_a_pending_undo_that_a_compaction_prevents_is_settled_by_hand(opened, found, tmp_path):
    enrolments = opened()
    enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    append_decision(enrolments.log.path, take_back(enrolments.standing()[found.groups[0].key], "王"))
    gallery = Gallery(LocalFiles(tmp_path / "商品库"))
    gallery.compact()
    with pytest.raises(UserError, match="compaction deleted version"):
        enrolments.decide(found.groups[1], "drop", None, "王")
    gallery.remove("雪碧", ME)
    enrolments.decide(found.groups[1], "drop", None, "王")
    assert products(tmp_path) == {"可乐": 1}


KILLED = """
import os, sys
from pathlib import Path
from shelfmind.gallery.discovery_folder import read_discovery
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.storage import LocalFiles
from shelfmind.review.enrolling import Enrolments
root, most = Path(sys.argv[1]), int(sys.argv[2])
writes = [0]
def dying(event, arguments):
    logged = event == "open" and str(arguments[0]).endswith("review.jsonl") and "a" in str(arguments[1])
    if logged or event == "os.link":
        writes[0] += 1
        if writes[0] > most:
            os._exit(9)
sys.addaudithook(dying)
gallery = Gallery(LocalFiles(root / "商品库"))
found = read_discovery(root / "discovery")
enrolments = Enrolments(found, gallery, root / "discovery" / "review.jsonl", "discovery", lambda gallery: None)
enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
"""


@pytest.mark.slow
@pytest.mark.parametrize("most", [0, 1, 4, 5])
def test_killed_at_any_file_it_is_enrolled_once_or_not_at_all(opened, found, tmp_path, most):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(most)], check=False, timeout=60)
    before = products(tmp_path)
    assert before in ({"可乐": 1}, {"可乐": 1, "雪碧": 3})
    enrolments = opened()
    enrolments.apply_pending()
    if not enrolments.standing():
        enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    assert products(tmp_path) == {"可乐": 1, "雪碧": 3}
    history = Gallery(LocalFiles(tmp_path / "商品库")).state.history
    assert [each.kind for each in history] == ["create", "add", "add"]


def test_a_failure_leaves_no_decision(opened, found, tmp_path, monkeypatch):
    enrolments = opened()

    def full(*arguments, **named):
        raise UserError("no space left")

    monkeypatch.setattr(enrolments.gallery, "add", full)
    with pytest.raises(UserError, match="no space"):
        enrolments.decide(found.groups[0], "enrol", "雪碧", "王")
    assert not opened().standing()
    assert opened().apply_pending() is None
    assert products(tmp_path) == {"可乐": 1}


def test_many_reviewers_at_once_enrol_a_group_once(opened, found, tmp_path):
    outcomes = []

    def person(name):
        try:
            opened().decide(found.groups[0], "enrol", f"雪碧 {name}", name)
            outcomes.append(name)
        except ValueError:
            pass

    threads = [threading.Thread(target=person, args=(f"{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert products(tmp_path) == {"可乐": 1, f"雪碧 {outcomes[0]}": 3}


# Photos and runs that changed


def test_photos_that_are_gone_or_changed_are_left_out(opened, found, tmp_path):
    (tmp_path / "照片" / "1-0.png").unlink()
    picture(tmp_path / "照片" / "1-1.png", (9, 9, 9))
    assert opened().decide(found.groups[0], "enrol", "雪碧", "王") == (
        "2 photos were moved or modified and are not enrolled",
    )
    assert products(tmp_path) == {"可乐": 1, "雪碧": 1}
    for path in (tmp_path / "照片").glob("3-*"):
        path.unlink()
    with pytest.raises(UserError, match="all photos of the group were moved or modified"):
        opened().decide(found.groups[2], "enrol", "芬达", "王")


def test_a_gallery_of_another_run_is_refused(opened, found, tmp_path):
    class Other(Fixed):
        identity = {"weights": "second", "width": 4}  # noqa: RUF012

    Gallery(LocalFiles(tmp_path / "商品库")).re_embed(Other(), ME)
    with pytest.raises(UserError, match="discover again"):
        opened().decide(found.groups[0], "enrol", "雪碧", "王")
    assert not opened().standing()


def test_a_group_that_is_enrolled_already_is_not_enrolled_again(opened, found, tmp_path):
    photos = [Photo("雪碧", "x", tmp_path / "照片" / f"1-{each}.png") for each in range(3)]
    Gallery(LocalFiles(tmp_path / "商品库")).add(photos, Fixed(), ME)
    with pytest.raises(UserError, match="already enrolled as '雪碧'"):
        opened().decide(found.groups[0], "merge", "雪碧", "王")


def test_vectors_of_a_strange_photo_are_not_made_up(found):
    with pytest.raises(UserError, match="was just modified"):
        StoredVectors(found).embed([b"strange"], 1)


# The page


def test_the_page_is_told_of_groups_and_of_what_was_decided(opened, found, tmp_path):
    deck = GroupDeck(opened(), "王", "zh")
    whole = deck.overview()
    assert (whole["mode"], whole["classes"], whole["decided"]) == ("groups", ["可乐"], 0)
    assert whole["kind"] == [NEW, CHANGED, NEW]
    assert whole["suggested"] == [0, 0, 0]
    cards = deck.cards([0, 2])
    assert [card["total"] for card in cards] == [3, 2]
    assert cards[0]["nearest"]["name"] == "可乐"
    pictures = GroupPictures(found, deck.enrolments.gallery)
    for number in (*cards[0]["photos"], *cards[0]["nearest"]["images"]):
        assert pictures.render(deck.images[number], "small")[0].startswith(b"\xff\xd8")
    said = deck.decide(0, "enrol", " 雪碧 ")
    assert said["decided"] == 1
    assert said["states"][0][0]["label"] == "雪碧"
    assert deck.news(0)["states"].keys() == {0}
    assert deck.overview()["classes"] == ["可乐", "雪碧"]
    assert [len(deck.examples(number)) for number in (0, 1)] == [1, 3]
    undone = deck.undo(None)
    assert (undone["undone"], undone["gone"], undone["decided"]) == (0, "雪碧", 0)
    assert deck.undo(None)["undone"] is None
    assert products(tmp_path) == {"可乐": 1}
    for wrong in (lambda: deck.cards([3]), lambda: deck.decide(-1, "drop", None), lambda: deck.examples(9)):
        with pytest.raises(LookupError):
            wrong()


def test_another_part_of_an_enrolled_group_is_offered_for_merging(opened, found):
    deck = GroupDeck(opened(), "王")
    deck._vectors[2] = deck._vectors[0][:2]  # the same product in two groups
    assert deck.cards([2])[0]["nearest"]["name"] == "可乐"
    deck.decide(0, "enrol", "雪碧")
    nearest = deck.cards([2])[0]["nearest"]
    assert (nearest["name"], nearest["similarity"]) == ("雪碧", pytest.approx(1, abs=1e-5))
    deck.undo(0)
    assert deck.cards([2])[0]["nearest"]["name"] == "可乐"


def test_a_tab_sees_what_another_one_decided(opened):
    one, other = GroupDeck(opened(), "王"), GroupDeck(opened(), "李")
    version = other.overview()["version"]
    one.decide(1, "drop", None)
    news = other.news(version)
    assert news["states"] == {1: [{**news["states"][1][0], "reviewer": "王", "mine": False, "decision": "drop"}]}
    assert other.undo(None)["undone"] is None
    assert other.news(99)["all"]


def test_no_other_file_is_shown(opened, found, tmp_path):
    pictures = GroupPictures(found, opened().gallery)
    for name in (str(tmp_path / "c.png"), "gallery:00", "gallery:../../c.png", "", "/etc/passwd"):
        with pytest.raises(NoPicture):
            pictures.render(name, "small")
