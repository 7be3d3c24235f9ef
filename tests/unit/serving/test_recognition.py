"""Answers over HTTP are those of `predict` and of the recogniser, in every form that a request may have."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from shelfmind import load, recognizer
from shelfmind.serving.limits import Limits
from shelfmind.serving.scans import has_too_many_scans
from shelfmind.serving.uploads import parse_form

RED, YELLOW = (220, 30, 30), (230, 220, 20)


def sent(photos):
    return [("image", (f"{n}.jpg", content, "image/jpeg")) for n, content in enumerate(photos)]


def test_answers_equal_those_of_predict(make_service, client, network, photo):
    photos = [photo(RED, 1), photo((30, 200, 60), 2, form="PNG"), photo((20, 60, 220), 3, form="WEBP")]
    web = client(make_service())
    answer = web.post("/v1/recognize", files=sent(photos), data={"top": "2"}).json()
    for found, expected in zip(answer["answers"], load(network, engine="onnx").predict(photos, top=2), strict=True):
        assert [(each["product"], each["probability"]) for each in found["candidates"]] == [
            (each.class_name, each.probability) for each in expected.guesses
        ]
        assert found["level"] == "product"
        assert found["answer"] == expected.guesses[0].class_name
    assert [each["name"] for each in answer["answers"]] == ["0.jpg", "1.jpg", "2.jpg"]
    assert answer["model"] == {
        "generation": answer["model"]["generation"],
        "engine": "onnx fp32",
        "weights": "tiny",
        "gallery_version": None,
    }


def test_answers_with_a_gallery_equal_those_of_the_recogniser(make_service, client, network, gallery, photo):
    photos = [photo(RED, 1), photo(YELLOW, 9)]
    web = client(make_service(gallery))
    answer = web.post("/v1/recognize", files=sent(photos), data={"together": "true"}).json()
    expected = recognizer(network, str(gallery), engine="onnx")
    for found, each in zip(answer["answers"], expected.recognize(photos), strict=True):
        assert found["answer"] == each.name
        assert found["level"] == each.level
        for got, candidate in zip(found["candidates"], each.candidates, strict=True):
            assert got["product"] == candidate.name
            assert (got["probability"], got["similarity"]) == (candidate.probability, candidate.similarity)
            assert (got["reference"] or {}).get("sha256") == getattr(candidate.reference, "sha256", None)
    assert answer["answers"][1]["answer"] == "yellow 500 ml"
    together = expected.recognize_together(photos)
    assert answer["together"]["names"] == ["0.jpg", "1.jpg"]
    assert answer["together"]["candidates"][0]["probability"] == together.candidates[0].probability


def test_one_answer_for_several_photos_names_those_it_is_based_on(make_service, client, gallery, photo):
    web = client(make_service(gallery))
    photos = [b"no image", photo(RED, 1), photo(RED, 2)]
    answer = web.post("/v1/recognize", files=sent(photos), data={"together": "true"}).json()
    assert answer["answers"][0]["error"]
    assert answer["together"]["names"] == ["1.jpg", "2.jpg"]
    assert answer["together"]["name"] == "1.jpg"


def test_all_forms_of_a_request_are_one(make_service, client, photo):
    web, content = client(make_service()), photo(RED)
    text = base64.b64encode(content).decode()
    found = [
        web.post("/v1/recognize", files={"image": ("a.jpg", content)}, data={"top": "1"}),
        web.post("/v1/recognize", json={"images": [{"name": "a.jpg", "content": text}], "top": 1}),
        web.post("/v1/recognize?top=1", json={"image": {"name": "a.jpg", "content": f"data:image/jpeg;base64,{text}"}}),
        web.post("/v1/recognize?top=1", content=content, headers={"Content-Type": "image/jpeg"}),
    ]
    assert [each.status_code for each in found] == [200] * 4
    records = [each.json()["answers"][0]["candidates"] for each in found]
    assert all(each == records[0] for each in records)
    assert len(records[0]) == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ('filename="可乐.jpg"', "可乐.jpg"),
        ("filename*=UTF-8''%E5%8F%AF%E4%B9%90.jpg", "可乐.jpg"),
        ("filename*=utf-8'zh'%ff/..%2Fa.jpg; x=y", "a.jpg"),
        ("filename=\"plain.jpg\"; filename*=utf-8''%E5%8F%AF.jpg", "plain.jpg"),
        ("filename*=", "image 0"),
    ],
)
def test_a_file_has_the_name_that_its_client_gives_it(photo, given, name):
    head = f'Content-Disposition: form-data; name="image"; {given}'.encode()
    body = b"--ab\r\n" + head + b"\r\n\r\n" + photo((220, 30, 30)) + b"\r\n--ab--"
    form = parse_form(body, "multipart/form-data; boundary=ab", {}, 1)
    assert [each.name for each in form.images] == [name]


def test_what_cannot_be_used_says_why_beside_what_can(make_service, client, photo):
    web = client(make_service())
    mixed = web.post("/v1/recognize", files=sent([photo(RED), b"no image", photo(RED)[:300]]))
    assert mixed.status_code == 200
    assert [each["error"] for each in mixed.json()["answers"]] == [None, "not an image", "truncated"]
    none = web.post("/v1/recognize", files=sent([b"no image"]))
    assert none.status_code == 422
    assert none.headers["content-type"] == "application/problem+json"
    assert none.json()["errors"] == [{"where": "0.jpg", "what": "not an image"}]


def test_a_bomb_is_refused_by_its_header(make_service, client):
    stream = io.BytesIO()
    Image.new("1", (4000, 4000)).save(stream, "PNG")
    web = client(make_service(limits=Limits(pixels=1_000_000)))
    answer = web.post("/v1/recognize", files=sent([stream.getvalue()]))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["what"] == "too many pixels"


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded(photo):
    stream = io.BytesIO()
    Image.open(io.BytesIO(photo(RED, size=64))).save(stream, "JPEG", progressive=True, exif=b"Exif\0\0\xff\xda\xff\xd9")
    content = stream.getvalue()
    last = content.rindex(b"\xff\xda")
    scan = content[last:-2]
    assert not has_too_many_scans(content)
    assert not has_too_many_scans(photo(RED))
    assert not has_too_many_scans(content[:-2] + scan * 40 + b"\xff\xd9" + scan * 500)
    assert has_too_many_scans(content[:-2] + scan * 100 + b"\xff\xd9")
    for end in range(0, len(content), 7):
        assert not has_too_many_scans(content[:end])
    assert not has_too_many_scans(b"\x89PNG" + b"\xff\xda" * 1000)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"files": {"image": ("a", b"x")}, "data": {"top": "0"}}, 422),
        ({"files": {"image": ("a", b"x")}, "data": {"explain": "perhaps"}}, 422),
        ({"json": {"images": [{"content": "***"}]}}, 422),
        ({"json": [1]}, 422),
        ({"json": {}}, 422),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400),
        ({"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"content": b"a", "headers": {"Content-Type": "text/html"}}, 415),
        ({"files": [("image", (str(n), b"x")) for n in range(5)]}, 413),
        ({"content": b"x" * 20_000, "headers": {"Content-Type": "image/png"}}, 413),
        ({"files": {"image": ("a", b"x")}, "data": {"together": "1"}}, 422),
    ],
)
def test_a_bad_request_is_a_problem(make_service, client, request_, status):
    web = client(make_service(limits=Limits(images=4, body_bytes=15_000)), raise_server_exceptions=False)
    if len(request_.get("content", b"")) == 100_000:
        web = client(make_service())
    answer = web.post("/v1/recognize", **request_)
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert found["status"] == status
    assert found["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text


def test_a_deadline_passes(make_service, client, photo):
    service = make_service(max_delay_s=0.5)
    answer = client(service).post("/v1/recognize", files=sent([photo(RED)]), headers={"X-Timeout-Ms": "30"})
    assert answer.status_code == 504
    assert answer.json()["type"] == "urn:shelfmind:deadline"


def test_what_finds_no_room_is_told_when_to_come_again(make_service, client, photo):
    service = make_service(limits=Limits(queue=4), max_delay_s=0.4)
    web = client(service)
    service.batcher._inside += 3
    answer = web.post("/v1/recognize", files=sent([photo(RED)] * 2))
    service.batcher._inside -= 3
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["type"] == "urn:shelfmind:queue-full"


def test_an_explanation_shows_where_the_product_is(make_service, client):
    picture = Image.new("RGB", (64, 64), (128, 128, 128))
    picture.paste((255, 0, 0), (0, 0, 24, 24))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    answer = client(make_service()).post("/v1/recognize?explain=1", files=sent([stream.getvalue()])).json()
    found = answer["answers"][0]["explanation"]
    grid = found["grid"]
    assert found["product"] == "红茶"
    assert grid[1][1] == 1 or grid[0][0] == 1 or max(max(row[:3]) for row in grid[:3]) == 1
    assert max(max(row[4:]) for row in grid[4:]) < 0.5
    assert found["overlay"].startswith("data:image/jpeg;base64,")
