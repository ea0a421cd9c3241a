"""Who is believed: results by their server, chains by their sealer, signatures by keys from a real name server."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conftest import NOW, a_batch, a_raw
from triage.findings import authentic, finding, kinds, sentence
from triage.labels import Platform, SenderVerdict
from triage.mail import reading, receiving
from triage.mail.domains import imitates, platform_of
from triage.mail.signatures import SILENCE_S, Signatures
from triage.store.transaction import transaction
from triage.types import Mail

NOTICE = "Your listing was removed. Complaint ID: 10449283311"


def read(raw: bytes, **known: object) -> Mail:
    mail = reading.read(raw, reading.Recipient(**known))
    assert isinstance(mail, Mail)
    return mail


def with_results(value: str, *received: str) -> bytes:
    head = "".join(f"Received: {line}\r\n" for line in received)
    raw = a_raw(body=NOTICE, proven=False)
    return f"{head}Authentication-Results: {value}\r\n".encode() + raw


PASSED = "dkim=pass header.d=amazon.com; dmarc=pass header.from=amazon.com"


# ---- whose results count -----------------------------------------------------------------------------------------


def test_only_the_configured_server_is_believed():
    raw = with_results(f"mx.mine.net; {PASSED}")
    assert read(raw, auth_server="mx.mine.net").origin.verdict is SenderVerdict.PROVEN
    assert read(raw, auth_server="mx.other.example").origin.verdict is SenderVerdict.UNPROVEN


def test_a_header_below_another_servers_received_line_is_a_strangers():
    raw = with_results(f"mail.evil.example; {PASSED}", "from evil by mx.mine.net; Mon, 23 Nov 2026 09:00:00 +0000")
    found = read(raw).origin
    assert found.verdict is SenderVerdict.UNPROVEN
    assert "foreign_results" in {each.kind for each in found.findings}


def test_a_strangers_failure_does_not_make_a_genuine_notice_forged():
    raw = with_results(
        "mail.evil.example; dmarc=fail header.from=amazon.com", "from x by mx.mine.net; Mon, 23 Nov 2026 09:00:00 +0000"
    )
    assert read(raw).origin.verdict is SenderVerdict.UNPROVEN


def test_the_own_server_is_learned_from_the_mailbox(db, settings, model):
    from triage.pipeline import take_in

    assert receiving.learned(db, "shop") == ""
    mails = [with_results(f"mx.mine.net; {PASSED}") for _ in range(receiving.ENOUGH)]
    take_in(db, a_batch(*mails), model, settings, NOW)
    assert receiving.learned(db, "shop") == "mine.net"
    # From now on a header on top that the own server did not write proves nothing.
    (said,) = take_in(db, a_batch(with_results(f"mail.evil.example; {PASSED}"), first_uid=100), model, settings, NOW)
    assert said.sender is SenderVerdict.UNPROVEN


def test_an_impostors_header_in_a_few_mails_is_not_learned(db):
    with transaction(db):
        for server, number in (("mine.net", 30), ("evil.example", 9)):
            for _ in range(number):
                receiving.note(db, "shop", [read(with_results(f"mx.{server}; {PASSED}"))])
    assert receiving.learned(db, "shop") == ""  # 9 in 39: too many to be sure of the rest
    with transaction(db):
        receiving.note(db, "shop", [read(with_results(f"mx.mine.net; {PASSED}"))] * 20)
    assert receiving.learned(db, "shop") == "mine.net"


# ---- chains ----------------------------------------------------------------------------------------------------------


def chained(
    sealer: str,
    seen: str = PASSED,
    own: str = "arc=pass; dkim=fail header.d=amazon.com; dmarc=fail header.from=amazon.com",
) -> bytes:
    seal = (
        f"Authentication-Results: mx.mine.net; {own}\r\n"
        f"ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none; d={sealer}; s=s; b=x\r\n"
        f"ARC-Message-Signature: i=1; a=rsa-sha256; d={sealer}; s=s; h=from; bh=x; b=x\r\n"
        f"ARC-Authentication-Results: i=1; mx.{sealer}; {seen}\r\n"
    )
    return seal.encode() + a_raw(body=NOTICE, proven=False)


def test_a_chain_sealed_by_the_own_forwarder_is_treated_as_proof():
    found = read(chained("agency.example"), auth_server="mx.mine.net", forwarders=("ops@agency.example",)).origin
    assert found.verdict is SenderVerdict.FORWARDED
    assert authentic(found.findings)


@pytest.mark.parametrize(
    ("raw", "forwarders"),
    [
        (chained("evil.example"), ("ops@agency.example",)),
        (chained("agency.example"), ()),
        (chained("agency.example", own="arc=fail; dmarc=fail header.from=amazon.com"), ("ops@agency.example",)),
        (chained("agency.example", seen="dkim=pass header.d=evil.example"), ("ops@agency.example",)),
    ],
    ids=["sealed by a stranger", "nobody is trusted", "the chain is broken", "passed for another domain"],
)
def test_any_other_chain_proves_nothing_and_condemns_nothing(raw, forwarders):
    found = read(raw, auth_server="mx.mine.net", forwarders=forwarders).origin
    assert found.verdict is SenderVerdict.UNPROVEN
    assert not authentic(found.findings)


# ---- signatures ------------------------------------------------------------------------------------------------------


@dataclass
class NameServer:
    """A name server of the tests' own, over UDP, with TXT records."""

    port: int
    texts: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    import socket

    import dns.resolver

    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind(("127.0.0.1", 0))
    kept = NameServer(line.getsockname()[1])

    def answer() -> None:
        while True:
            try:
                data, peer = line.recvfrom(4096)
            except OSError:
                return
            if data == b"end":
                return
            question = dns.message.from_wire(data)
            name = question.question[0].name.to_text().rstrip(".")
            kept.asked.append(name)
            response = dns.message.make_response(question)
            if name in kept.texts:
                parts = [kept.texts[name][at : at + 250] for at in range(0, len(kept.texts[name]), 250)]
                response.answer.append(
                    dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", " ".join(f'"{part}"' for part in parts))
                )
            else:
                response.set_rcode(dns.rcode.NXDOMAIN)
            line.sendto(response.to_wire(), peer)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], kept.port
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
    yield kept
    line.sendto(b"end", ("127.0.0.1", kept.port))
    thread.join(5)
    line.close()


@pytest.fixture(scope="module")
def key() -> tuple[bytes, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    import base64

    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem, "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()


def signed(key: bytes, domain: str = "amazon.com") -> bytes:
    raw = a_raw(body=NOTICE, proven=False).replace(b"\n", b"\r\n")
    return dkim.sign(raw, b"s1", domain.encode(), key, include_headers=[b"from", b"subject", b"date"]) + raw


def test_a_signature_is_verified_with_the_key_from_dns(name_server, key):
    name_server.texts["s1._domainkey.amazon.com"] = key[1]
    found = read(signed(key[0]), signatures=Signatures().valid).origin
    assert found.verdict is SenderVerdict.PROVEN
    assert [each.kind for each in found.findings] == ["own_dkim"]
    assert name_server.asked == ["s1._domainkey.amazon.com"]


def test_a_changed_mail_and_a_strangers_signature_prove_nothing(name_server, key):
    name_server.texts |= {"s1._domainkey.amazon.com": key[1], "s1._domainkey.evil.example": key[1]}
    changed = signed(key[0]).replace(b"removed", b"restored")
    assert read(changed, signatures=Signatures().valid).origin.verdict is SenderVerdict.UNPROVEN
    stranger = signed(key[0], "evil.example")
    assert read(stranger, signatures=Signatures().valid).origin.verdict is SenderVerdict.UNPROVEN


def test_nobody_is_asked_where_the_own_server_has_spoken_or_no_platform_has(name_server, key):
    spoken = b"Authentication-Results: mx.test; dkim=pass header.d=amazon.com\r\n" + signed(key[0])
    read(spoken, signatures=Signatures().valid)
    read(signed(key[0]).replace(b"seller-performance@amazon.com", b"x@shop.example"), signatures=Signatures().valid)
    assert name_server.asked == []


def test_a_silent_name_server_is_asked_once_and_then_left_alone(key):
    asked: list[str] = []
    clock = [0.0]

    def lookup(name: str) -> bytes | None:
        asked.append(name)
        raise TimeoutError

    signatures = Signatures(lookup, lambda: clock[0])
    for _ in range(3):
        assert signatures.valid(signed(key[0])) == ()
    assert len(asked) == 1
    clock[0] = SILENCE_S + 1
    signatures.valid(signed(key[0]))
    assert len(asked) == 2


# ---- findings --------------------------------------------------------------------------------------------------------


def test_every_finding_has_a_sentence_in_both_languages():
    for kind in kinds():
        for language in ("en", "zh"):
            words = sentence(finding(kind, "{X}"), language)
            assert words
            assert "{}" not in words
    assert sentence(finding("imitates", "{0}{}"), "en").startswith(
        "the domain {0}{} imitates"
    )  # never a template itself


@pytest.mark.parametrize(
    "domain",
    ["amazon.com", "a.co", "mail.shopee.tw", "example.com", "wishes.example", "betsy.example", "ozone.example"],
)
def test_what_imitates_nothing_is_let_be(domain):
    assert imitates(domain) == ("", Platform.NONE)


def test_every_platform_has_its_domain():
    missing = {p for p in Platform if p not in {Platform.OTHER, Platform.NONE}}
    for domain in ("amazon.com", "ebay.com", "walmart.com", "etsy.com", "shopify.com", "paypal.com", "aliexpress.com", "alibaba.com", "shopee.sg", "lazada.sg",
                   "tiktok.com", "temu.com", "shein.com", "wish.com", "mercadolibre.com", "rakuten.co.jp", "cdiscount.com", "otto.market", "kaufland.de", "allegro.pl",
                   "ozon.ru", "coupang.com", "newegg.com", "wayfair.com"):  # fmt: skip
        missing.discard(platform_of(domain)[0])
    assert missing == set()
