"""Bodies come apart at their boundaries, whatever their parts hold; broken ones are refused."""

from __future__ import annotations

import random

import pytest

from shelfmind.serving.multipart import MAX_HEAD_BYTES, parts
from shelfmind.serving.problems import Problem

HEAD = b'Content-Disposition: form-data; name="image"'


def body_of(*contents, boundary=b"ab", head=HEAD):
    return (
        b"".join(b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, head, each) for each in contents) + b"--%s--\r\n" % boundary
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"--ab",
        b"\r\n--abc",
        b"\r\n--a",
        b"x\r\n--ab x\r\n",
        b"\r\n-",
        b"\x00\xff",
        b"-" * 99,
    ],
)
def test_parts_may_hold_anything_but_the_boundary(content):
    found = list(parts(body_of(content, b"next", content), b"ab"))
    assert [each.content for each in found] == [content, b"next", content]
    assert found[0].headers == {b"content-disposition": b'form-data; name="image"'}


def test_what_stands_around_the_parts_is_nothing():
    body = b"preamble\r\n" + body_of(b"one").replace(b"--ab\r\n", b"--ab \t\r\n") + b"epilogue --ab\r\n"
    assert [each.content for each in parts(body, b"ab")] == [b"one"]


def test_a_part_may_have_no_head():
    assert [each.content for each in parts(b"--ab\r\n\r\nx\r\n--ab--", b"ab")] == [b"x"]


def test_there_may_be_no_part():
    assert list(parts(b"--ab--", b"ab")) == []


def test_every_cut_of_a_body_is_refused():
    body = body_of(b"one", b"two").removesuffix(b"\r\n")
    for length in range(len(body)):
        with pytest.raises(Problem) as refusal:
            list(parts(body[:length], b"ab"))
        assert refusal.value.status_code == 400


@pytest.mark.parametrize(
    "body", [b"", b"--other--", body_of(b"x", head=b"no colon"), body_of(b"x", head=b"a: " + b"x" * MAX_HEAD_BYTES)]
)
def test_what_is_none_is_refused(body):
    with pytest.raises(Problem):
        list(parts(body, b"ab"))


def test_it_agrees_with_a_parser_that_steps_through():
    from python_multipart.multipart import MultipartParser

    rng = random.Random(0)
    for _ in range(300):
        pieces = [b"\r\n", b"--ab", b"--", b"\r", b"\n", b"x", b"ab"]
        contents = [b"".join(rng.choices(pieces, k=rng.randrange(9))) for _ in range(3)]
        body = body_of(*contents, boundary=b"abc")
        stepped: list[bytes] = []
        callbacks = {
            "on_part_begin": lambda found=stepped: found.append(b""),
            "on_part_data": lambda data, start, end, found=stepped: found.append(found.pop() + data[start:end]),
        }
        parser = MultipartParser(b"abc", callbacks)
        parser.write(body)
        assert [each.content for each in parts(body, b"abc")] == stepped
