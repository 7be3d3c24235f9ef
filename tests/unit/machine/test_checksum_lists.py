"""Lists of checksums are those of the tool `sha256sum`, and what is wrong with one is said with its line."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shelfmind.errors import UserError
from shelfmind.machine.checksum_lists import CHECKSUMS, checksums_in, listed_checksum, write_checksums

ONE, TWO = "1" * 64, "2a" * 32
ODD = [
    "分片.tar",
    "a\\b.tar",
    "new\nline.tar",
    "return\r",
    " *spaces  ",
    "#1.tar",
    "a/b/ü.tar",
    os.fsdecode(b"\xff.tar"),
]


def write(folder: Path, content: str | bytes) -> None:
    (folder / CHECKSUMS).write_bytes(content if isinstance(content, bytes) else content.encode())


def test_any_name_is_written_for_sha256sum_and_read_back(tmp_path: Path) -> None:
    checksums = {}
    for name in ODD:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(os.fsencode(name))
        checksums[name] = hashlib.sha256(os.fsencode(name)).hexdigest()
    write_checksums(tmp_path, checksums)
    assert checksums_in(tmp_path) == checksums
    if shutil.which("sha256sum") is None:
        pytest.skip("needs sha256sum")
    checked = subprocess.run(["sha256sum", "--check", "--strict", CHECKSUMS], cwd=tmp_path, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    written = subprocess.run(["sha256sum", "--binary", *ODD], cwd=tmp_path, capture_output=True, check=True).stdout
    write(tmp_path, written)
    assert checksums_in(tmp_path) == checksums


def test_lists_of_other_tools_are_read(tmp_path: Path) -> None:
    lines = [
        f"# made by hand {ONE}  no.tar",
        "",
        f"{ONE} *binary.tar",
        f"{TWO.upper()}  ./capital/./a.tar",
        f"{ONE} one-space.tar",
        f"{ONE}\ttab.tar",
        f"  {ONE}  indented.tar",
        f"SHA256 (bsd (1).tar) = {TWO}",
        f"SHA256(openssl.tar)= {TWO}",
        f"\\{ONE}  new\\nline\\\\.tar",
        f"{ONE}  plain\\n.tar",
        f"{hashlib.sha256().hexdigest()}  {CHECKSUMS}",
        f"{ONE}  binary.tar",
    ]
    names = ["binary.tar", "one-space.tar", "tab.tar", "indented.tar", "new\nline\\.tar", "plain\\n.tar"]
    expected = dict.fromkeys(names, ONE) | dict.fromkeys(["capital/a.tar", "bsd (1).tar", "openssl.tar"], TWO)
    for content in ("\n".join(lines), "\ufeff" + "\r\n".join([*lines, ""])):
        write(tmp_path, content)
        assert checksums_in(tmp_path) == expected


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("d41d8cd98f00b204e9800998ecf8427e  a.tar", "has a checksum of 32 hexadecimal digits, but a SHA-256 has 64"),
        (f"{ONE}0  a.tar", "has a checksum of 65 hexadecimal digits"),
        (f"{ONE}  ", "is not a SHA-256 and a file name"),
        (f"{'q' * 64}  a.tar", "is not a SHA-256 and a file name"),
        ("a.tar", "is not a SHA-256 and a file name"),
        (f"{ONE}  a\0.tar", "is not a SHA-256 and a file name"),
        (f"MD5 (a.tar) = {ONE}", "is not a SHA-256 and a file name"),
        (f"{TWO[:-1]}A  a.tar", "is damaged: its checksum has both small and capital letters"),
        (f"\\{ONE}  a\\t.tar", "has a file name with an unknown escape"),
        (f"\\{ONE}  a\\", "has a file name with an unknown escape"),
        (f"{ONE}  /etc/passwd", "has a file outside of its folder: /etc/passwd"),
        (f"{ONE}  a/../../b.tar", "has a file outside of its folder: ../b.tar"),
        (f"{ONE}  first.tar", "has another checksum of first.tar than a line above it"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, what: str) -> None:
    write(tmp_path, f"# comment\n{TWO}  first.tar\r\n{line}\n")
    with pytest.raises(UserError, match=rf"{CHECKSUMS}, line 3 {what}.*\. Restore the list .*verify\(paths="):
        checksums_in(tmp_path)


def test_the_nearest_list_that_has_a_file_counts(tmp_path: Path) -> None:
    inner = tmp_path / "data" / "train"
    inner.mkdir(parents=True)
    write(tmp_path, f"{ONE}  data/train/a.tar\n{ONE}  data/train/b.tar\n")
    write(inner, f"{TWO}  a.tar\n")
    assert listed_checksum(inner / "a.tar") == (inner / CHECKSUMS, TWO)
    assert listed_checksum(inner / "b.tar") == (tmp_path / CHECKSUMS, ONE)
    assert listed_checksum(inner / "c.tar") is None


def test_a_list_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    assert checksums_in(tmp_path) == {}
    write_checksums(tmp_path, {"a.tar": ONE})
    assert checksums_in(tmp_path) == {"a.tar": ONE}
    write_checksums(tmp_path, {"a.tar": TWO, "b.tar": ONE})
    assert checksums_in(tmp_path) == {"a.tar": TWO, "b.tar": ONE}
    (tmp_path / CHECKSUMS).unlink()
    (tmp_path / CHECKSUMS).mkdir()
    assert checksums_in(tmp_path) == {}
