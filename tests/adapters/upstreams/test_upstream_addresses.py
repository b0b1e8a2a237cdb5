"""Where connections may lead: a name that leads into the own network leads nowhere, unless declared."""

import asyncio
import ipaddress
import socket
from typing import Any

import pytest
from flakily import asked, run, upstream
from hypothesis import given
from hypothesis import strategies as st

from autotroph.adapters.upstreams.addresses import NotAllowed, is_public, public_socket
from autotroph.errors import UpstreamFault
from autotroph.testing.flaky import Fault, Flaky

PRIVATE = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1", "[::ffff:127.0.0.1]"])
def test_this_machine_is_asked_only_where_that_is_declared(host: str):
    async def use(flaky: Flaky) -> None:
        url = flaky.url.replace("127.0.0.1", host)
        asks = upstream(url, private=False)
        with pytest.raises(UpstreamFault) as caught:
            await asks.ask(asked())
        assert caught.value.kind in ("address", "connect")
        if host in ("127.0.0.1", "localhost"):
            assert caught.value.kind == "address"
            assert "private = true" in str(caught.value)
        assert (flaky.received, flaky.opened) == (0, 0)
        await asks.close()

    run(use)


def test_what_a_name_leads_to_is_looked_at_when_it_is_connected_to(monkeypatch: pytest.MonkeyPatch):
    async def use(flaky: Flaky) -> None:
        loop, port = asyncio.get_running_loop(), int(flaky.url.rpartition(":")[2].removesuffix("/v1"))

        async def leads_here(*_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(loop, "getaddrinfo", leads_here)
        asks = upstream(f"http://llm.example.com:{port}/v1", private=False)
        with pytest.raises(UpstreamFault) as caught:
            await asks.ask(asked())
        assert caught.value.kind == "address"
        assert flaky.opened == 0
        await asks.close()

    run(use)


def test_a_redirection_is_not_followed():
    async def use(flaky: Flaky) -> None:
        flaky.always = Fault("redirect")
        asks = upstream(flaky.url)
        with pytest.raises(UpstreamFault) as caught:
            await asks.ask(asked())
        assert (caught.value.kind, caught.value.status, flaky.received) == ("status", 307, 1)
        assert "write where it leads as base_url" in str(caught.value)
        assert "/v1/elsewhere" not in str(caught.value)  # it may quote what was sent
        await asks.close()

    run(use)


def test_a_proxy_that_is_not_used_is_named_and_its_password_is_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@127.0.0.1:9")

    async def use(flaky: Flaky) -> None:
        here = upstream(flaky.url)
        await here.ask(asked())  # what can be reached is, whatever the environment says
        await here.close()
        away = upstream("https://no-such-host.invalid/v1")
        with pytest.raises(UpstreamFault, match="no proxy is used, though HTTPS_PROXY is set") as caught:
            await away.ask(asked())
        assert "secret" not in str(caught.value)
        await away.close()

    run(use)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_in_other_clothes_is_one_still(address: str):
    number = int(ipaddress.IPv4Address(address))
    translated = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + number)
    tunnelled = ipaddress.IPv6Address((0x2002 << 112) + (number << 80))
    for one in (address, f"::ffff:{address}", str(translated), str(tunnelled)):
        assert not is_public(one)
        family = socket.AF_INET6 if ":" in one else socket.AF_INET
        with pytest.raises(NotAllowed):
            public_socket((family, socket.SOCK_STREAM, 6, "", (one, 80)))


@given(st.ip_addresses())
def test_whatever_is_public_is_neither_private_nor_of_this_link(found: Any):
    if is_public(str(found)):
        inner = [found.is_private, found.is_loopback, found.is_link_local, found.is_multicast]
        assert not any(inner)
