"""Images of many requests are computed together, what nobody waits for is not; a new model takes over."""

from __future__ import annotations

import os
import shutil
import threading
import time

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.stores import open_files
from shelfmind.inference.embedder import photo_embedder
from shelfmind.serving import reloading
from shelfmind.serving.batching import ABANDONED, Batcher, QueueFullError, Ticket
from shelfmind.serving.metrics import Metrics
from shelfmind.serving.models import ModelSource, load_model
from shelfmind.serving.reloading import Models, Watch


class Slow:
    """A model of one call at a time, or of several, that notes its batches."""

    def __init__(self, several: bool = True, seconds: float = 0.02, size: int = 4) -> None:
        self.supports_concurrency, self.seconds, self.size = several, seconds, size
        self.batches: list[int] = []
        self.at_once = self.most_at_once = 0

    def batch_size(self, wanted):
        return wanted or self.size

    def square(self, source, most_pixels):
        if source == b"fault":
            raise RuntimeError("fault")
        return np.frombuffer(source, np.uint8)

    def outcomes(self, squares, top, concurrent=False):
        from shelfmind.serving.models import Outcome

        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.batches.append(len(squares))
        time.sleep(self.seconds)
        self.at_once -= 1
        return [Outcome(probabilities=square) for square in squares]


@pytest.fixture
def batcher():
    made = []

    def make(workers=2, capacity=100, delay=0.0):
        made.append(Batcher(workers, None, delay, capacity, Metrics(), 10**6))
        return made[-1]

    yield make
    for each in made:
        each.close()


def asked(batcher, model, sources, seconds=10.0, **more):
    done = threading.Event()
    ticket = Ticket(model, sources, time.monotonic() + seconds, lambda _: done.set(), **more)
    batcher.submit(ticket)
    return ticket, done


def test_every_image_gets_its_own_answer_in_batches_that_fill(batcher):
    model, queue = Slow(), batcher()
    tickets = [asked(queue, model, [bytes([n, k]) for k in range(3)]) for n in range(20)]
    for n, (ticket, done) in enumerate(tickets):
        assert done.wait(10)
        assert [each.probabilities.tolist() for each in ticket.outcomes] == [[n, k] for k in range(3)]
    assert sum(model.batches) == 60
    assert max(model.batches) == 4
    assert len(model.batches) < 25
    assert queue.depth == 0


def test_an_engine_of_one_call_at_a_time_gets_one(batcher):
    model, queue = Slow(several=False), batcher(workers=4)
    for _, done in [asked(queue, model, [bytes(2)] * 4) for _ in range(6)]:
        assert done.wait(10)
    assert model.most_at_once == 1


def test_what_comes_while_the_engine_is_busy_is_the_next_batch(batcher):
    model, queue = Slow(several=False, seconds=0.2, size=8), batcher(workers=2)
    first = asked(queue, model, [b"a"])
    time.sleep(0.1)
    later = [asked(queue, model, [b"b"]) for _ in range(5)]
    assert first[1].wait(5)
    assert all(done.wait(5) for _, done in later)
    assert model.batches == [1, 5]


def test_company_is_waited_for_only_where_that_is_asked_for(batcher):
    model = Slow(seconds=0, size=8)
    for delay, least, most in ((0.0, 0.0, 0.25), (0.3, 0.29, 5.0)):
        began = time.monotonic()
        assert asked(batcher(delay=delay), model, [b"a"])[1].wait(5)
        assert least <= time.monotonic() - began < most


def test_free_workers_share_what_there_is(batcher):
    model, queue = Slow(seconds=0.1, size=8), batcher(workers=2)
    squares = [np.full(3, number, np.uint8) for number in range(6)]
    time.sleep(0.05)  # until both wait
    assert asked(queue, model, squares)[1].wait(5)
    assert model.batches == [3, 3]
    assert model.most_at_once == 2


def test_what_nobody_waits_for_costs_nothing(batcher):
    model, queue = Slow(seconds=0.2, size=1), batcher(workers=1)
    _, done = asked(queue, model, [b"a"])
    time.sleep(0.05)
    dropped = [asked(queue, model, [b"b"]) for _ in range(5)]
    late, late_done = asked(queue, model, [b"c"], seconds=0.05)
    for ticket, _ in dropped:
        ticket.abandon()
    assert done.wait(5)
    assert late_done.wait(5)
    assert late.outcomes[0].error == ABANDONED
    assert sum(model.batches) == 1


def test_a_full_queue_refuses_and_a_patient_caller_waits(batcher):
    model, queue = Slow(seconds=0.05), batcher(capacity=4)
    asked(queue, model, [b"a"] * 4)
    with pytest.raises(QueueFullError):
        asked(queue, model, [b"b"])
    done = threading.Event()
    queue.submit(Ticket(model, [b"c"] * 6, time.monotonic() + 9, lambda _: done.set()), patient=True)
    assert done.wait(5)


def test_a_fault_ends_its_request_alone(batcher):
    model, queue = Slow(), batcher()
    bad, bad_done = asked(queue, model, [b"x", b"fault"])
    good, good_done = asked(queue, model, [b"y"])
    assert bad_done.wait(5)
    assert good_done.wait(5)
    assert isinstance(bad.failure, RuntimeError)
    assert good.failure is None


def test_a_close_finishes_what_was_taken(batcher):
    model, queue = Slow(), batcher(delay=1.0)
    tickets = [asked(queue, model, [b"a"]) for _ in range(9)]
    queue.close()
    assert all(done.is_set() for _, done in tickets)


def test_a_new_file_takes_over_once_it_is_whole_and_good(tmp_path, network, tiny):
    place = tmp_path / "current.onnx"
    shutil.copy(network, place)
    models = Models(ModelSource(place, engine="onnx"), None, Metrics())
    first = models.current
    assert not models.check().changed
    content = network.read_bytes()
    place.write_bytes(content[: len(content) // 2])
    assert not models.check().changed  # not settled yet
    assert not models.check().changed  # damaged
    assert models.trouble is not None
    assert not models.check().changed
    assert models.trouble is not None  # still refused
    assert models.current is first
    tiny.write_network(place, 2 * tiny.WEIGHTS, "better")
    models.check()
    assert models.check().changed
    assert (models.current.predictor.checksum, models.trouble) == ("better", None)
    assert models.current.generation > first.generation
    content = place.read_bytes()
    place.write_bytes(content[: len(content) // 2])
    models.check()
    models.check()
    assert models.trouble is not None
    tiny.write_network(place, np.full_like(tiny.WEIGHTS, np.nan), "worse")
    with pytest.raises(UserError, match="are not probabilities"):
        models.reload()
    assert models.current.predictor.checksum == "better"
    os.remove(place)
    models.check()
    models.check()
    assert models.current.predictor.checksum == "better"


def test_a_gallery_goes_on_and_one_of_other_weights_is_refused(tmp_path, network, gallery, photo, tiny):
    models = Models(ModelSource(network, str(gallery), "onnx"), None, Metrics())
    before = models.current
    embedder = photo_embedder(network)
    other = Gallery(open_files(gallery))
    other.add([Photo("pink", "p.jpg", photo((240, 20, 200)))], embedder, Attribution("other"))
    assert models.check().changed
    assert models.current.gallery_version == before.gallery_version + 1
    assert models.current.generation == before.generation
    assert "pink" not in before.recognizer.columns.names
    other.re_embed(photo_embedder(tiny.write_network(tmp_path / "new.onnx", checksum="new")), Attribution("other"))
    assert not models.check().changed
    assert "of another network" in str(models.trouble)
    assert models.current.gallery_version == before.gallery_version + 1


def test_a_refused_model_is_tried_again_when_run_or_gallery_changes(
    tmp_path, network, gallery, photo, tiny, monkeypatch, caplog
):
    """The gallery is of the new weights, but not calibrated yet: nothing fits together until that is done."""
    place = tmp_path / "current.onnx"
    shutil.copy(network, place)
    models = Models(ModelSource(place, str(gallery), "onnx"), None, Metrics())
    tried = []

    def counted(*arguments):
        tried.append(arguments)
        return load_model(*arguments)

    monkeypatch.setattr(reloading, "load_model", counted)
    other, new = Gallery(open_files(gallery)), photo_embedder(tiny.write_network(place, checksum="new"))
    other.re_embed(new, Attribution("other"))
    for _ in range(6):
        models.check()
    assert len(tried) == 1
    assert [record.getMessage().split(":")[0] for record in caplog.records if record.levelname == "WARNING"] == [
        "the new gallery cannot be loaded",
        "the new run cannot be loaded",
    ]
    other.add([Photo("pink", "p.jpg", photo((240, 20, 200)))], new, Attribution("other"))
    for _ in range(3):
        models.check()
    assert len(tried) == 2
    assert models.trouble is not None


def test_a_watch_looks_by_itself_and_when_asked(tmp_path, network, tiny):
    place = tmp_path / "current.onnx"
    shutil.copy(network, place)
    models = Models(ModelSource(place, engine="onnx"), None, Metrics())
    watch = Watch(models, 0)
    tiny.write_network(place, checksum="next")
    watch.now()
    until = time.monotonic() + 10
    while models.current.predictor.checksum != "next" and time.monotonic() < until:
        time.sleep(0.01)
    watch.end()
    assert models.current.predictor.checksum == "next"


def test_a_model_is_checked_before_it_serves(tmp_path, tiny):
    bad = tiny.write_network(tmp_path / "bad.onnx", np.full_like(tiny.WEIGHTS, np.inf), "bad")
    with pytest.raises(UserError, match="are not probabilities"):
        load_model(ModelSource(bad, engine="onnx"), None)


@pytest.mark.parametrize("message", ["shelf.onnx is damaged", "/models/shelf.onnx is damaged"])
def test_the_reason_of_a_refused_reload_is_in_the_log_once(make_service, client, monkeypatch, caplog, message):
    """The answer says so. A message without a place of this machine is an answer's own elsewhere."""
    service = make_service()

    def refused():
        raise UserError(message)

    monkeypatch.setattr(service.models, "reload", refused)
    answer = client(service).post("/v1/model/reload")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "the new run or gallery cannot be loaded; see the log"
    assert [message in record.getMessage() for record in caplog.records if "damaged" in record.getMessage()] == [True]
