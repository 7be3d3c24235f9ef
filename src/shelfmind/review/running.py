"""Runs a review until it is stopped: reads the audit, opens the log, serves the page."""

from __future__ import annotations

import errno
import os
import sys
import threading
import webbrowser
from dataclasses import dataclass
from pathlib import Path

from shelfmind.analysis.decisions import CUT_LINE, FILE_NAME, require_writable_log, split_whole
from shelfmind.errors import UserError, argument
from shelfmind.machine.login import login_name
from shelfmind.requests.auditing import ReviewRequest
from shelfmind.requests.calling import takes
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.review.audit_folder import read_audit
from shelfmind.review.deck import Deck, check_reviewer
from shelfmind.review.pictures import Pictures
from shelfmind.review.server import LOOPBACK, ReviewServer

USUAL_PORT = 8765


@dataclass(frozen=True)
class ReviewOutcome:
    """How far the review had come when it was stopped: `decided` of `suspects`, by anybody, all in `log`."""

    decided: int
    suspects: int
    log: Path
    root: Path


@takes(ReviewRequest)
def review(request: ReviewRequest, watcher: Observer = SILENT) -> ReviewOutcome:
    """Serve the review page of an audit folder until Ctrl-C; the watcher is told its address once it answers.

    Every decision is appended to the log (``review.jsonl`` in the audit folder), which several reviews may share. The
    port is the usual one, or any that is free where that is taken.

    Returns:
        How far the review had come.

    Raises:
        UserError: an audit, a log, a name or a port that cannot be used, before anything is served.
    """
    name = check_reviewer(request.reviewer if request.reviewer is not None else login_name("reviewer"))
    found = read_audit(request.audit, request.data)
    log = request.log if request.log is not None else request.audit / FILE_NAME
    require_writable_log(log)
    if split_whole(log.read_bytes())[1]:
        watcher.note(CUT_LINE.format(path=log))
    if found.notice is not None:
        watcher.note(f"warning: {found.notice}")
    deck = Deck(found, name, log, request.language)
    with _server(request.port, deck, Pictures(found.root, found.format)) as server:
        watcher.result(server.address)
        watcher.note("open this address in a browser on this machine; Ctrl-C here ends the review")
        if request.browser:
            open_browser(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    return ReviewOutcome(deck.decided(), len(found.suspects), log, found.root)


def open_browser(address: str) -> None:
    """Show the address in the user's browser, if there is a screen; a browser for terminals would take the terminal."""
    on_screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if on_screen:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _server(port: int | None, deck: Deck, pictures: Pictures) -> ReviewServer:
    try:
        return ReviewServer(USUAL_PORT if port is None else port, deck, pictures)
    except OSError as error:
        if port is None and error.errno == errno.EADDRINUSE:
            return ReviewServer(0, deck, pictures)
        reason = error.strerror or error
        raise UserError(
            f"port {port} of {LOOPBACK} cannot be used: {reason}; {argument('port', 0)} takes any free one"
        ) from error
