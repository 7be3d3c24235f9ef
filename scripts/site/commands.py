"""The command reference: every verb with its arguments, options and examples, as in `--help`."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from tables import code, plain, sentence, table

from shelfmind.cli.commands import full_command
from shelfmind.verbs import DATA, GROUPS, MEASURE, TOOL, TRAIN, VERBS, Verb, command_words

FOLDER = "reference/commands"
PAGES = {"data": DATA, "train": TRAIN, "measure": MEASURE, "tool": TOOL}
"""One page per help panel; groups of verbs have separate pages."""


def command_pages() -> dict[str, str]:
    """Return the pages by path."""
    pages = {f"{FOLDER}/index.md": _index()}
    for page, title in PAGES.items():
        verbs = {name: verb for name, verb in VERBS.items() if verb.group is None and verb.panel == title}
        pages[f"{FOLDER}/{page}.md"] = _page(title, "", verbs)
    for group, (_, summary) in GROUPS.items():
        verbs = {name: verb for name, verb in VERBS.items() if verb.group == group}
        pages[f"{FOLDER}/{group}.md"] = _page(f"shelfmind {group}", summary, verbs)
    return pages


def page_of(name: str) -> str:
    """Return the page and anchor that describe a verb."""
    verb = VERBS[name]
    page = verb.group or next(page for page, title in PAGES.items() if title == verb.panel)
    return f"{page}.md#{anchor(name)}"


def anchor(name: str) -> str:
    """Return the anchor of a verb within its page."""
    return "-".join(("shelfmind", *command_words(name)))


def _index() -> str:
    parts = [
        "# Commands\n",
        "Look up every command with its options. `shelfmind COMMAND --help` prints the same. Exit status: 0 success, "
        "2 invalid input (the message explains what is wrong), 1 internal error, 130 stopped by Ctrl-C.\n",
    ]
    for panel, verbs in groupby(
        VERBS.items(), key=lambda each: GROUPS[each[1].group][0] if each[1].group else each[1].panel
    ):
        rows = [
            (f"[`{' '.join(command_words(name))}`]({page_of(name)})", sentence(verb.summary)) for name, verb in verbs
        ]
        parts += [f"**{panel}**\n", table(("command", "what it does"), rows)]
    return "\n".join(parts)


def _page(title: str, summary: str, verbs: dict[str, Verb]) -> str:
    return "\n".join([f"# {title}\n", sentence(summary), "", *(_verb(name, verb) for name, verb in verbs.items())])


def _verb(name: str, verb: Verb) -> str:
    command = full_command(name)
    words = " ".join(("shelfmind", *command_words(name)))
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    usage = " ".join([words, *("[OPTIONS]" for _ in options[:1]), *(_place(each) for each in arguments)])
    request = verb.request_type
    parts = [
        f"## `{words}` {{ #{anchor(name)} }}\n",
        f"{sentence(verb.summary)} {request.details}\n".strip() + "\n",
        f"```text\n{usage}\n```\n",
    ]
    if arguments:
        rows = [(code(_place(each)), sentence(each.help or "")) for each in arguments]
        parts.append(table(("argument", "meaning"), rows))
    if options:
        rows = [(_flags(each), sentence(each.help or ""), _default(each)) for each in options]
        parts.append(table(("option", "meaning", "default"), rows))
    if request.examples:
        parts.append("```sh\n" + "\n".join(request.examples) + "\n```\n")
    return "\n".join(parts)


def _place(argument: Any) -> str:
    shown = argument.metavar or argument.name.upper()
    shown = f"{shown}..." if argument.nargs == -1 else shown
    return shown if argument.required else f"[{shown}]"


def _flags(option: Any) -> str:
    flags = " ".join(code(flag) for flag in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" <span class=value>{plain(option.metavar or 'TEXT')}</span>"
    return flags + value


def _default(option: Any) -> str:
    if option.required:
        return "required"
    value = option.default
    if option.is_flag:
        return code(option.secondary_opts[0]) if option.secondary_opts and not value else ""
    if value in (None, [], ()):
        return ""
    return code(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
