"""Which addresses may be connected to: a name that leads into the own network leads nowhere, unless declared.

What is checked is the address that the socket is made for, after every look-up, so that a name cannot lead
elsewhere between check and connection.
"""

import ipaddress
import socket
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that a translator turns into the IPv4 address in their last 32 bits (RFC 6052)."""


class NotAllowed(OSError):
    """The address is private, loopback or link-local, and that was not declared."""

    def __init__(self) -> None:
        super().__init__("a private, loopback or link-local address")


def is_public(address: str) -> bool:
    """Whether an address is one of the public network, also where it is wrapped in another.

    >>> [is_public(one) for one in ("1.1.1.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1")]
    [True, False, False, False, False]
    """
    found = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    return found.is_global and not found.is_multicast


def _unwrapped(found: Address) -> Address:
    if isinstance(found, ipaddress.IPv6Address):
        if found in _TRANSLATED:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        return found.ipv4_mapped or found.sixtofour or found
    return found


def public_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for an address that was looked up.

    Raises:
        NotAllowed: it is none of the public network.
    """
    if not is_public(str(info[4][0])):
        raise NotAllowed
    return any_socket(info)


def any_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for an address, wherever it is."""
    return socket.socket(info[0], info[1], info[2])
