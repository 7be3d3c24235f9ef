"""The real client address of a request, as forwarded by trusted proxies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from shelfmind.errors import UserError, argument

HEADER = b"x-forwarded-for"
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Parse addresses and networks such as ``10.0.0.0/8``. Raises `UserError` for anything else."""
    return tuple(_network(each) for each in given)


def client_address(peer: str, headers: Iterable[tuple[bytes, bytes]], trusted: Sequence[Network]) -> str:
    """Return the client address of a request whose connection comes from `peer`.

    Each proxy appends the address of its client to X-Forwarded-For. The last address that is not a trusted proxy is
    therefore the client's; anything before it may be forged. Without a trusted proxy the header is ignored.
    """
    found = _address(peer)
    if found is None or not _among(found, trusted):
        return peer
    forwarded = b",".join(value for name, value in headers if name == HEADER).decode("latin-1")
    for each in reversed([text for text in forwarded.split(",") if text.strip()]):
        named = _address(each.strip())
        if named is None:
            break
        found = named
        if not _among(found, trusted):
            break
    return str(found)


def _network(text: str) -> Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError as error:
        how = argument("trusted_proxies", "10.0.0.0/8")
        raise UserError(f"'{text}' is not an address or network of proxies; specify it as in {how}") from error


def _among(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _address(text: str) -> Address | None:
    """Parse an address. Ports, which some proxies add, are dropped; IPv4-mapped IPv6 addresses become IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
