"""The ways in which Python code reaches an address: each asks `url`, and raises what came of it."""

import asyncio
import http.client
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from urllib.parse import urlsplit

REQUEST = b"GET / HTTP/1.0\r\nHost: raw:80\r\n\r\n"


def _to(url):
    parts = urlsplit(url)
    return parts.hostname, parts.port or 80


def session(context, url):
    context.session().get(url).raise_for_status()


def checked_session(context, url):
    """As careful code does that is fooled by a name whose address changes."""
    import ipaddress

    for entry in socket.getaddrinfo(*_to(url), type=socket.SOCK_STREAM):
        assert ipaddress.ip_address(entry[4][0]).is_global
    context.session().get(url).raise_for_status()


def plain_requests(_context, url):
    import requests

    requests.get(url, timeout=5).raise_for_status()


def dlt_requests(_context, url):
    from dlt.sources.helpers import requests

    requests.get(url).raise_for_status()


def urllib_request(_context, url):
    urllib.request.urlopen(url, timeout=5).read()


def http_client(_context, url):
    connection = http.client.HTTPConnection(*_to(url), timeout=5)
    connection.request("GET", "/")
    connection.getresponse()


def asyncio_streams(_context, url):
    async def ask():
        reader, writer = await asyncio.open_connection(*_to(url))
        writer.write(REQUEST)
        await reader.read()
        writer.close()

    asyncio.run(ask())


def aiohttp_session(_context, url):
    import aiohttp

    async def ask():
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            await answer.read()

    asyncio.run(ask())


def connect(_context, url):
    with socket.socket() as sock:
        sock.connect(_to(url))
        sock.sendall(REQUEST)


def connect_ex(_context, url):
    with socket.socket() as sock:
        sock.connect_ex(_to(url))
        sock.sendall(REQUEST)


def cut_name(_context, url):
    """A name that C cuts after the address, looked up after the name that the URL has."""
    host, port = _to(url)
    address = socket.getaddrinfo(host, port, socket.AF_INET)[0][4][0]
    with socket.create_connection((f"{address}\0.example.svc", port)) as sock:
        sock.sendall(REQUEST)


def cut_bytes(_context, url):
    host, port = _to(url)
    address = socket.gethostbyname(host)
    with socket.create_connection((f"{address}\0.example.svc".encode(), port)) as sock:
        sock.sendall(REQUEST)


def mapped(_context, url):
    """By IPv6 to IPv4."""
    host, port = _to(url)
    with socket.socket(socket.AF_INET6) as sock:
        sock.connect((f"::ffff:{host}", port))
        sock.sendall(REQUEST)


def sendto(_context, url):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(REQUEST, _to(url))


def sendmsg(_context, url):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendmsg([REQUEST], [], 0, _to(url))


def fast_open(_context, url):
    """TCP with data in its first packet, which connects without `connect`."""
    with socket.socket() as sock:
        sock.sendto(REQUEST, socket.MSG_FASTOPEN, _to(url))


def thread(context, url):
    """Another thread, which begins with what this one is allowed."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(copy_context().run, session, context, url).result()


def dns(_context, url):
    """As a resolver does that is written in Python."""
    question = b"ID\1\0\0\1\0\0\0\0\0\0\5asked\2by\6python\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(question, _to(url))
        assert sock.recv(512).startswith(b"ID")


def by_name(_context, url):
    """Without a lookup of its own: C does it, and the hook does not see its answer."""
    connect(_context, url)


def nothing(_context, _url):
    """Asks nobody."""
