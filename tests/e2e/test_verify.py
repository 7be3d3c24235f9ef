"""A trained run's files are verified by one command, which names what is damaged; damaged names are never predicted."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_a_damaged_file_is_named_and_an_intended_change_accepted(trained, copied_run, warm):
    assert warm("verify", trained.run).stdout == "all files are intact\n"
    classes = copied_run / "classes.json"
    content = bytearray(classes.read_bytes())
    content[content.index(b'"', 12) + 2] ^= 1
    classes.write_bytes(content)
    damaged = warm("verify", copied_run)
    assert damaged.status == 2
    assert damaged.stdout == f"{classes} is damaged or edited: its checksum does not match\n"
    error = warm("predict", copied_run, copied_run / "report.html").error
    assert f"{classes} is missing, damaged or edited" in error
    assert f"shelfmind verify {copied_run} --accept" in error
    assert warm("verify", copied_run, "--accept").stdout == "the checksums were recorded\n"
    assert warm("verify", copied_run).status == 0
