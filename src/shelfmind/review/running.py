"""Run a review until it is stopped: read the audit, open the log, serve the page."""

from __future__ import annotations

import errno
import os
import sys
import threading
import webbrowser
from dataclasses import dataclass
from pathlib import Path

from shelfmind.analysis.decisions import CUT_LINE, FILE_NAME, require_writable_log, split_complete_lines
from shelfmind.data import needed_format
from shelfmind.errors import UserError, argument
from shelfmind.gallery.discovery_folder import is_discovery, read_discovery
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.guard import Guard
from shelfmind.gallery.stores import open_files
from shelfmind.machine.login import login_name
from shelfmind.progress import count_silently
from shelfmind.requests.auditing import ReviewRequest
from shelfmind.requests.calling import takes
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.review.audit_folder import read_audit
from shelfmind.review.deck import Deck, check_reviewer
from shelfmind.review.enrolling import Enrolments
from shelfmind.review.group_deck import GroupDeck
from shelfmind.review.group_pictures import GroupPictures
from shelfmind.review.pictures import Pictures
from shelfmind.review.server import LOOPBACK, Renders, Reviewed, ReviewServer
from shelfmind.workflows.guarding import class_names_of, guard_of

USUAL_PORT = 8765


@dataclass(frozen=True)
class ReviewOutcome:
    """The state of a review when it was stopped: `decided` of `suspects`, by all reviewers, with decisions in `log`.

    `root` is the data set, and `format` its format, if that is not detected. For a discovery, `root` is the `gallery`,
    to which the decisions have already been applied.
    """

    decided: int
    suspects: int
    log: Path
    root: Path
    gallery: bool = False
    format: str | None = None


@takes(ReviewRequest)
def review(request: ReviewRequest, watcher: Observer = SILENT) -> ReviewOutcome:
    """Serve the review page of an audit folder or a discovery until Ctrl-C. The watcher receives its address.

    Every decision is appended to the log (``review.jsonl`` in the folder), which several reviews may share. Decisions
    on a discovery are applied to its gallery immediately. If the default port is taken, a free one is used.

    Returns:
        The number of decisions and where they are.

    Raises:
        UserError: the folder, log, reviewer's name or port cannot be used. Raised before anything is served.
    """
    name = check_reviewer(request.reviewer if request.reviewer is not None else login_name("reviewer"))
    log = request.log if request.log is not None else request.audit / FILE_NAME
    if is_discovery(request.audit):
        return _review_groups(request, name, log, watcher)
    found = read_audit(request.audit, request.data)
    _open_log(log, watcher)
    if found.notice is not None:
        watcher.note(f"warning: {found.notice}")
    deck = Deck(found, name, log, request.language)
    _serve(request, deck, Pictures(found.root, found.format), watcher)
    wanted = needed_format(found.root, found.format)
    return ReviewOutcome(deck.decided(), len(found.suspects), log, found.root, format=wanted)


def _review_groups(request: ReviewRequest, name: str, log: Path, watcher: Observer) -> ReviewOutcome:
    found = read_discovery(request.audit)
    root = found.gallery if request.data is None else str(request.data)
    gallery = Gallery(open_files(root))
    _open_log(log, watcher)
    enrolments = Enrolments(found, gallery, log, request.audit.resolve().name, _guard)
    try:
        settled = enrolments.apply_pending()
    except UserError as error:
        watcher.warn(error.message)
    else:
        if settled is not None:
            watcher.note(f"note: applied a pending decision of an interrupted review: {settled}")
    deck = GroupDeck(enrolments, name, request.language)
    _serve(request, deck, GroupPictures(found, gallery), watcher)
    return ReviewOutcome(deck.decided(), len(found.groups), log, Path(root), gallery=True)


def _guard(gallery: Gallery) -> Guard:
    return guard_of(gallery, count_silently, class_names_of(gallery))


def _open_log(log: Path, watcher: Observer) -> None:
    require_writable_log(log)
    if split_complete_lines(log.read_bytes())[1]:
        watcher.note(CUT_LINE.format(path=log))


def _serve(request: ReviewRequest, deck: Reviewed, pictures: Renders, watcher: Observer) -> None:
    with _server(request.port, deck, pictures) as server:
        watcher.result(server.address)
        watcher.note("open this address in a browser on this machine; press Ctrl-C here to end the review")
        if request.browser:
            open_browser(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


def open_browser(address: str) -> None:
    """Open the address in the user's browser if there is a display. A text browser would block the terminal."""
    on_screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if on_screen:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _server(port: int | None, deck: Reviewed, pictures: Renders) -> ReviewServer:
    try:
        return ReviewServer(USUAL_PORT if port is None else port, deck, pictures)
    except OSError as error:
        if port is None and error.errno == errno.EADDRINUSE:
            return ReviewServer(0, deck, pictures)
        reason = error.strerror or error
        raise UserError(
            f"port {port} of {LOOPBACK} cannot be used: {reason}; {argument('port', 0)} picks a free one"
        ) from error
