"""Every command that a page shows is one that shelfmind takes: its verb, its options, their values."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from shelfmind.cli.commands import full_command
from shelfmind.verbs import VERBS, command_words

ROOT = Path(__file__).parents[2]
PAGES = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("README*.md")])
BLOCK = re.compile(
    r"^```(?:sh|bash)\b[^\n]*\n(?P<text>.*?)^```$|(?P<indented>(?:^ {4}[^\n]*\n)+)", re.MULTILINE | re.DOTALL
)
BEFORE = frozenset({"&&", "||", "|", ";", "--"})
AFTER = frozenset({"&&", "||", "|", ";", ">", "&"})
NAMES = {" ".join(command_words(name)): name for name in VERBS}


def commands(text: str) -> list[list[str]]:
    """The words of each call of shelfmind in the shell blocks of a page, without redirections and what is piped."""
    found = []
    for block in BLOCK.finditer(text):
        lines = (block["text"] or block["indented"] or "").replace("\\\n", " ").splitlines()
        for line in lines:
            words = shlex.split(line, comments=True) if "shelfmind " in line else []
            starts = [
                at + 1 for at, word in enumerate(words) if word == "shelfmind" and (at == 0 or words[at - 1] in BEFORE)
            ]
            for start in starts:
                ends = (at for at, word in enumerate(words) if at >= start and word in AFTER)
                found.append(words[start : next(ends, len(words))])
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_command_would_be_taken(page: str) -> None:
    wrong = []
    for words in commands((ROOT / page).read_text(encoding="utf-8")):
        try:
            take(words)
        except Exception as error:
            wrong.append(f"shelfmind {shlex.join(words)}: {getattr(error, 'message', error)}")
    assert wrong == []


def take(words: list[str]) -> None:
    """Parse a command as shelfmind does, and make its request; nothing is done."""
    verb = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in NAMES), None)
    if verb is None:
        raise LookupError(f"there is no verb {words[:1]}")
    name = NAMES[verb]
    arguments = words[len(verb.split()) :]
    if "--help" in arguments:
        return
    command, request = full_command(name), VERBS[name].request_type
    with command.make_context(verb, list(arguments)) as context:
        given = {
            key: value
            for key, value in context.params.items()
            if key in request.model_fields and context.get_parameter_source(key).name != "DEFAULT"
        }
    request(**given)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("shelfmind trian photos --out runs/first", "there is no verb"),
        ("shelfmind train photos --oot runs/first", "--oot"),
        ("shelfmind train photos --epochs none --out runs/first", "epochs"),
        ("shelfmind models && shelfmind evaluate a", "runs"),
    ],
)
def test_a_wrong_command_would_be_found(line: str, said: str) -> None:
    *_, last = commands(f"```sh\n{line}\n```\n")
    with pytest.raises(Exception) as found:  # noqa: PT011  # whatever Typer, its parser or the request raises
        take(last)
    assert said in str(getattr(found.value, "message", found.value)) + str(getattr(found.value, "param", ""))
