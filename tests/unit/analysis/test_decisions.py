"""The log of decisions: nothing confirmed is lost, nothing half-written is believed, contradictions are named."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.analysis.decisions import (
    Decision,
    append_decision,
    decide,
    decision_line,
    read_decisions,
    require_writable_log,
    resolve,
    standing,
    take_back,
)
from shelfmind.errors import UserError

APPEND = """
import sys
from pathlib import Path
from shelfmind.analysis.decisions import append_decision, decide
for number in range(40):
    append_decision(Path(sys.argv[1]), decide(sys.argv[2], f"图/{number}.jpg", "可乐" * 200, "keep"))
"""


def made(reviewer: str, path: str, decision: str = "keep", label: str | None = None, time: int = 0) -> Decision:
    return Decision(
        f"2026-01-01T00:00:{time:02d}+00:00", reviewer, path, "可乐", decision, label, f"{reviewer}{path}{time}"
    )


def test_what_is_appended_is_read_again_in_order(tmp_path):
    log = tmp_path / "review.jsonl"
    first = decide("王", "train/可乐/1.jpg", "可乐", "relabel", "雪碧")
    decisions = [first, decide("Li", "b\udce9.jpg", "a\nb", "drop"), take_back(first, "王")]
    for decision in decisions:
        append_decision(log, decision)
    assert read_decisions(log) == decisions
    content = log.read_bytes().decode("utf-8")  # also where a file name is not
    assert "train/可乐/1.jpg" in content
    assert content.count("\n") == 3
    assert json.loads(content.splitlines()[0])["label"] == "雪碧"


@pytest.mark.parametrize("text", ["train/可乐/1.jpg", "b\udce9.jpg", "a\nb", '"\\', "\u2028\u0085"])
def test_any_file_name_survives(tmp_path, text):
    append_decision(tmp_path / "log", decide("王", text, text, "keep"))
    (read,) = read_decisions(tmp_path / "log")
    assert (read.path, read.given) == (text, text)


@settings(deadline=None)
@given(st.integers(1, 3), st.data())
def test_a_line_cut_at_any_byte_is_left_out_with_a_note_and_cut_off_by_the_next_append(tmp_path_factory, count, data):
    log = tmp_path_factory.mktemp("cut") / "review.jsonl"
    decisions = [made("王", f"图{number}.jpg", time=number) for number in range(count)]
    lines = [decision_line(decision) for decision in decisions]
    whole = b"".join(lines[:-1])
    kept = data.draw(st.integers(1, len(lines[-1]) - 2))  # all but the line break would be a whole line
    log.write_bytes(whole + lines[-1][:kept])
    notes: list[str] = []
    assert read_decisions(log, notes.append) == decisions[:-1]
    assert len(notes) == 1
    assert "crash" in notes[0]
    later = made("李", "new.jpg")
    append_decision(log, later)
    assert read_decisions(log, notes.append) == [*decisions[:-1], later]
    assert len(notes) == 1
    assert log.read_bytes() == whole + decision_line(later)


def test_a_line_that_lacks_its_break_alone_is_whole(tmp_path):
    log = tmp_path / "review.jsonl"
    first, second = made("王", "1.jpg"), made("王", "2.jpg")
    log.write_bytes(decision_line(first).rstrip(b"\n"))
    assert read_decisions(log) == [first]
    append_decision(log, second)
    assert read_decisions(log) == [first, second]


@pytest.mark.parametrize(
    "bad",
    [
        b"not json",
        b"[]",
        b"\xff\xfe",
        b'{"time": "t"}',
        decision_line(made("王", "1.jpg")).replace(b'"keep"', b'"kepe"').strip(),
        decision_line(made("王", "1.jpg")).replace(b'"keep"', b"3").strip(),
        decision_line(made("王", "1.jpg")).replace(b'"keep"', b"null").strip(),
        decision_line(made("王", "1.jpg")).replace(b'"label": null', b'"label": "x"').strip(),
        decision_line(made("王", "1.jpg", "relabel", "x")).replace(b'"label": "x"', b'"label": null').strip(),
    ],
)
def test_any_other_unreadable_line_is_an_error_with_its_number(tmp_path, bad):
    log = tmp_path / "review.jsonl"
    log.write_bytes(decision_line(made("王", "1.jpg")) + bad + b"\n" + decision_line(made("王", "2.jpg")))
    with pytest.raises(UserError, match=r"review\.jsonl, line 2: not a decision"):
        read_decisions(log)


def test_processes_append_at_the_same_time_and_no_line_is_lost_or_mixed(tmp_path):
    log = tmp_path / "review.jsonl"
    names = ["王", "Li", "Chen"]
    processes = [subprocess.Popen([sys.executable, "-c", APPEND, str(log), name]) for name in names]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    decisions = read_decisions(log)
    assert len({decision.id for decision in decisions}) == len(decisions) == 120
    for name in names:
        of = [decision.path for decision in decisions if decision.reviewer == name]
        assert of == [f"图/{number}.jpg" for number in range(40)]


def test_a_full_disk_is_an_error_and_leaves_the_log_as_it_was(tmp_path):
    log = tmp_path / "review.jsonl"
    append_decision(log, made("王", "1.jpg"))
    before = log.read_bytes()
    code = APPEND.replace("range(40)", "range(1)")

    def fill_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, len(before) + 20))

    done = subprocess.run([sys.executable, "-c", code, str(log), "王"], capture_output=True, preexec_fn=fill_disk)
    assert done.returncode == 1
    assert b"no space left" in done.stderr
    assert b"the decision was not saved" in done.stderr
    assert log.read_bytes() == before


def test_a_process_killed_while_it_writes_loses_nothing_that_was_confirmed(tmp_path):
    log = tmp_path / "review.jsonl"
    code = APPEND.replace("range(40)", "range(10**6)").replace('"keep"))', '"keep")); print(number, flush=True)')
    with subprocess.Popen([sys.executable, "-c", code, str(log), "王"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(30):
            confirmed = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        confirmed = max([confirmed, *map(int, process.stdout.read().split())])
    paths = [decision.path for decision in read_decisions(log)]
    assert paths[: confirmed + 1] == [f"图/{number}.jpg" for number in range(confirmed + 1)]


@pytest.mark.parametrize("place", ["missing/review.jsonl", "."])
def test_a_log_that_cannot_be_written_is_named(tmp_path, place):
    with pytest.raises(UserError, match="cannot be written"):
        require_writable_log(tmp_path / place)
    with pytest.raises(UserError, match="the decision was not saved"):
        append_decision(tmp_path / place, made("王", "1.jpg"))


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.jsonl cannot be read"):
        read_decisions(tmp_path / "none.jsonl")


# What holds


def test_taking_back_brings_the_earlier_decision_of_the_same_reviewer_back():
    first, second = made("王", "1.jpg", "drop", time=1), made("王", "1.jpg", "keep", time=2)
    assert resolve([first, second])["1.jpg"] == second
    assert resolve([first, second, take_back(second, "王")])["1.jpg"] == first
    assert resolve([first, second, take_back(second, "王"), take_back(first, "王")]) == {}


def test_two_reviewers_who_agree_do_not_contradict_each_other():
    decisions = [made("王", "1.jpg", "relabel", "雪碧"), made("李", "1.jpg", "relabel", "雪碧", time=1)]
    assert resolve(decisions)["1.jpg"].label == "雪碧"


def test_a_contradiction_names_both_and_can_be_settled():
    decisions = [
        made("王", "1.jpg", "relabel", "雪碧", time=1),
        made("李", "1.jpg", "drop", time=2),
        made("王", "2.jpg", "keep", time=3),
    ]
    with pytest.raises(UserError, match=r"1\.jpg: 王 says '雪碧', 李 says drop; .*prefer=") as raised:
        resolve(decisions)
    assert "more images" not in str(raised.value)
    assert resolve(decisions, prefer=["王"])["1.jpg"].reviewer == "王"
    assert resolve(decisions, prefer=["李", "王"])["1.jpg"].reviewer == "李"
    assert resolve(decisions, latest=True)["1.jpg"].reviewer == "李"
    assert resolve([*decisions, take_back(decisions[1], "李")])["1.jpg"].reviewer == "王"
    with pytest.raises(UserError, match="the reviewer 'Zhao' has made no decisions; reviewers with decisions: 李, 王"):
        resolve(decisions, prefer=["Zhao"])


def test_more_contradictions_are_counted():
    decisions = [
        made(name, f"{number}.jpg", kind) for number in range(3) for name, kind in (("王", "keep"), ("李", "drop"))
    ]
    with pytest.raises(UserError, match="and 2 more images"):
        resolve(decisions)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from(["keep", "drop", "others", "undo"]))
    )
)
def test_standing_is_what_a_stack_of_each_reviewer_says(steps):
    decisions: list[Decision] = []
    stacks: dict[tuple[str, str], list[Decision]] = {}
    for time, (reviewer, path, kind) in enumerate(steps):
        stack = stacks.setdefault((path, reviewer), [])
        if kind != "undo":
            stack.append(Decision("t", reviewer, path, "可乐", kind, None, str(time)))
            decisions.append(stack[-1])
        elif stack:
            decisions.append(take_back(stack.pop(), reviewer))
    expected = {key: stack[-1] for key, stack in stacks.items() if stack}
    found = {(path, name): decision for path, of in standing(decisions).items() for name, decision in of.items()}
    assert found == expected


def test_a_log_that_others_read_meanwhile_keeps_its_permissions(tmp_path):
    log = tmp_path / "review.jsonl"
    append_decision(log, made("王", "1.jpg"))
    os.chmod(log, 0o664)
    append_decision(log, made("王", "2.jpg"))
    assert Path(log).stat().st_mode & 0o777 == 0o664
