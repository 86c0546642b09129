"""Which addresses may be connected to: the check against redirects into the user's own network.

The check is made on the numeric address that the connection then goes to, so a name that resolves to a private address
(or does so the second time, DNS rebinding), an IPv4 address written as one number, or one wrapped in IPv6 is caught
all the same. Source for the ranges: the IANA special-purpose registries, as `ipaddress` holds them. Costs one
resolution a connection, which connecting would cost anyway; imports httpcore.
"""

import ipaddress
import socket
from collections.abc import Iterable

import httpcore

from forge.clients.failures import Final

SocketOptions = Iterable[httpcore.SOCKET_OPTION]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_private(address: str) -> bool:
    """Whether a numeric address is anything but one of the public internet.

    Private, loopback, link-local, shared (100.64/10), multicast, reserved and unspecified addresses are; so are IPv6
    addresses that carry such an IPv4 address (mapped, NAT64, 6to4, Teredo). ``%scope`` is ignored.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _carried(ip)
        if inner is not None:
            return is_private(str(inner))
        if ip.is_site_local:
            return True
    return not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified


def _carried(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv6 address, if that is what it is."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.teredo is not None:
        return ip.teredo[1]
    return ip.ipv4_mapped or ip.sixtofour


def is_near(host: str) -> bool:
    """Whether a host is, by its name alone, on this machine or network: a private number or ``localhost``."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return is_private(name)
    except ValueError:
        return False


def public_addresses(host: str, port: int) -> list[str]:
    """The public numeric addresses of a host.

    Raises:
        Final: it has private ones only. OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    public = [address for address in addresses if not is_private(address)]
    if not public:
        raise Final(
            f"leads to {host}, a private address ({addresses[0]}), which is refused; "
            "if it is meant, name that address in the recipe"
        )
    return public


class PublicBackend(httpcore.NetworkBackend):
    """Connects to public addresses only."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(  # noqa: PLR0917 (the signature is httpcore's)
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first public address of ``host`` that answers."""
        try:
            addresses = public_addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for address in addresses[:-1]:
            try:
                return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)
