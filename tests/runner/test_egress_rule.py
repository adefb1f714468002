"""The rule of where a fetch may connect to: every form of an address leads where the address leads."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.egress_hosts import OF_ALL_NAMESPACES

from spark_plugins.errors import PermanentError
from spark_runner.egress_rule import Purpose, Rule, is_private, never, reached

EVERYTHING = Rule.of("demo", ["0.0.0.0/0", "::/0"])
NOTHING = Rule.of("demo", [])


def refusal(rule, address, host=None, **more):
    return rule.refusal(ip_address(address), host, **more)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("169.254.20.10", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("febf::1", "link-local"),
        ("fd00:ec2::254", "metadata"),
        ("fd00:ec2::23", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("fd00:42::42", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("192.0.0.192", "metadata"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("ff02::1", "multicast"),
        ("ff0e::1%2", "multicast"),
    ],
)
@pytest.mark.parametrize("purpose", Purpose)
def test_what_nothing_opens(address, what, purpose):
    assert what in refusal(EVERYTHING, address, "open.example", purpose=purpose)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "240.0.0.1",
        "fc00::1",
        "fdff::1",
        "fec0::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "4000::1",
        "100::1",
        "2001:10::1",
        "64:ff9b:1::808:808",
        "::8.8.8.8",
        "::ffff:0:8.8.8.8",
    ],
)
def test_what_is_private(address):
    assert "a private address" in refusal(NOTHING, address)
    assert refusal(EVERYTHING, address) is None
    assert refusal(NOTHING, address, purpose=Purpose.DESTINATION) is None
    assert refusal(NOTHING, address, purpose=Purpose.API_SERVER) is not None


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "169.253.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
)
def test_what_is_public(address):
    assert refusal(NOTHING, address) is None


def carriers(address):
    """Every form of IPv6 that carries an IPv4 address."""
    number = int(address)
    yield IPv6Address(0xFFFF << 32 | number)
    yield IPv6Address(0xFFFF << 48 | number)
    yield IPv6Address((0x64_FF9B << 96) | number)
    yield IPv6Address((0x64_FF9B_0001 << 80) | number)
    yield IPv6Address((0x2002 << 112) | number << 80 | 1)
    yield IPv6Address((0x2001_0000 << 96) | number << 64 | 0x0808_0808 ^ 0xFFFF_FFFF)
    yield IPv6Address((0x2001_0000 << 96) | 0x0808_0808 << 64 | number ^ 0xFFFF_FFFF)
    yield IPv6Address((0x2A00_1450 << 96) | 0x5EFE << 32 | number)
    yield IPv6Address((0x2A00_1450 << 96) | 0x0200_5EFE << 32 | number)
    if number > 1:
        yield IPv6Address(number)


v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
# Most of them near a border of something, where a mask that is wrong shows.
_BORDERS = [
    ip_network(n)
    for n in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "100.100.100.200/32",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/4",
    )
]
near = st.builds(
    lambda network, last, step: IPv4Address(
        max(0, min(2**32 - 1, int(network[-1] if last else network[0]) + step))
    ),
    st.sampled_from(_BORDERS),
    st.booleans(),
    st.integers(-2, 2),
)
v6 = st.integers(0, 2**128 - 1).map(IPv6Address)
addresses = v4 | near | v6


@given(v4 | near)
def test_no_form_of_an_address_is_better_than_the_address(address):
    for carrier in carriers(address):
        assert address in reached(carrier), carrier
        for rule in (EVERYTHING, NOTHING):
            if rule.refusal(address, None) is not None:
                assert rule.refusal(carrier, None) is not None, carrier


@given(v4 | near)
def test_the_api_server_is_known_in_every_form(address):
    for carrier in carriers(address):
        said = EVERYTHING.refusal(carrier, "open.example", api_server={address})
        assert said is not None
        assert never(carrier, {address}) is not None


@given(addresses)
def test_what_is_not_of_the_internet_is_never_reached_without_being_opened(address):
    if NOTHING.refusal(address, "any.example") is None:
        # Python's own judgement, which knows fewer forms: whatever passes here passes there.
        assert all(one.is_global and not one.is_multicast for one in reached(address))


@given(addresses, st.lists(v4 | v6, max_size=3), st.sampled_from(Purpose))
def test_more_that_is_open_never_refuses_more_and_opens_only_what_is_private(
    address, opened, purpose
):
    rule = Rule.of("demo", [str(one) for one in opened])
    before = NOTHING.refusal(address, None, purpose=purpose)
    after = rule.refusal(address, None, purpose=purpose)
    if before is None:
        assert after is None
    elif after is None:
        assert is_private(address)
        assert never(address) is None


def test_the_api_server_is_for_the_write_back_alone():
    api = {ip_address("10.96.0.1")}
    for purpose in (Purpose.FETCH, Purpose.DESTINATION):
        assert "API server" in refusal(EVERYTHING, "10.96.0.1", api_server=api, purpose=purpose)
    assert refusal(NOTHING, "10.96.0.1", api_server=api, purpose=Purpose.API_SERVER) is None
    assert refusal(NOTHING, "::ffff:10.96.0.1", api_server=api, purpose=Purpose.API_SERVER) is None
    # Also where it is the developer's own, on loopback.
    api = {ip_address("127.0.0.1")}
    assert refusal(NOTHING, "127.0.0.1", api_server=api, purpose=Purpose.API_SERVER) is None
    assert refusal(NOTHING, "127.0.0.2", api_server=api, purpose=Purpose.API_SERVER) is not None


@pytest.mark.parametrize(
    ("entry", "host", "opens"),
    [
        ("shop.example.svc", "shop.example.svc", True),
        ("shop.example.svc", "SHOP.Example.svc.", True),
        ("shop.example.svc", "a.shop.example.svc", False),
        ("shop.example.svc", "shop.example.svc.evil.example", False),
        ("shop.example.svc", "shop.example", False),
        ("*.example.svc", "shop.example.svc", True),
        ("*.example.svc", "a.shop.example.svc", True),
        ("*.example.svc", "example.svc", False),
        ("*.example.svc", ".example.svc", False),
        ("*.example.svc", "evilexample.svc", False),
        ("*.svc.example", "shop.svc.example", True),
        ("*.corp.local", "shop.corp.local", True),
        ("*.example.svc.cluster.local", "shop.example.svc.cluster.local", True),
        ("xn--bcher-kva.example", "bücher.example", True),
        ("10.0.0.0/8", "shop.example.svc", False),
        ("shop.example.svc", "x" * 300, False),
        ("shop.example.svc", "", False),
        ("*.example.svc", "10.0.0.1\0.example.svc", False),
        ("*.example.svc", "x\\.example.svc", False),
        ("*.example.svc", "a b.example.svc", False),
        ("*.example.svc", "shop.example.svc\n", False),
    ],
)
def test_a_name_is_open_as_it_is_written_and_below_a_star(entry, host, opens):
    rule = Rule.of("demo", [entry])
    assert rule.opens_name(host) is opens
    assert (refusal(rule, "192.168.1.1", host) is None) is opens


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.",
        "shop",
        "a b.example",
        "Shop.example",
        "a.example:80",
        "http://a.example",
        "10.0.0.0/33",
        "10.1.2.300",
        "1.2.3",
        "a..example",
        "*.*.example",
        "a.*.example",
        ".example",
        "-a.example",
        "a.example/8",
        "é.example",
        "a.example\n",
    ],
)
def test_an_entry_that_is_none_is_told_to_the_administrator(entry):
    with pytest.raises(PermanentError, match=r'spec\.egressHosts of Plugin "demo" holds'):
        Rule.of("demo", [entry])


@pytest.mark.parametrize("entry", OF_ALL_NAMESPACES)
def test_an_entry_that_would_leave_it_to_all_namespaces_is_refused(entry):
    with pytest.raises(PermanentError, match=r"name a namespace, as in \*\.NAMESPACE\.svc"):
        Rule.of("demo", [entry])


@given(st.text() | st.from_regex(r"[a-z0-9.*:/-]{1,30}", fullmatch=True))
def test_an_entry_is_read_or_refused(entry):
    try:
        rule = Rule.of("demo", [entry])
    except PermanentError:
        return
    assert rule.networks or rule.names or rule.below
    assert refusal(rule, "169.254.169.254", entry) is not None


@given(st.text(max_size=300), addresses)
def test_every_host_has_an_answer_of_a_length_that_is_shown_whole(host, address):
    for rule in (NOTHING, Rule.of("demo", ["*.example"])):
        said = rule.refusal(address, host)
        assert said is None or len(said) < 480
