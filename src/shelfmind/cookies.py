"""Read one cookie of a request among those of other programs on the same host."""

from __future__ import annotations


def cookie_of(header: str, name: str) -> str:
    """Return the value of a cookie in a ``Cookie`` header; empty if there is none.

    Browsers send the cookies of all ports of a host. `http.cookies` stops at the first one that it cannot parse, such
    as JSON, and loses those after it.
    """
    pairs = (each.strip().partition("=") for each in header.split(";"))
    return next((value for found, _, value in pairs if found == name), "")
