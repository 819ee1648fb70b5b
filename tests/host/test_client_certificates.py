"""A partner that asks for a client certificate gets that of the instance, and of no other."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tests.http.certificates import Authority, answering

from offramp import OutgoingRequest
from offramp.config import EgressSettings
from offramp.errors import ConfigError, ConnectionFailedError
from offramp.host.instances import outbound_of, outbound_of_instance
from offramp.http import LOOPBACK, open_transport


@asynccontextmanager
async def partner(authority: Authority, version: ssl.TLSVersion) -> AsyncIterator[str]:
    """A server that talks to those alone whom the authority has certified."""
    context = authority.server()
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=authority.file)
    async with answering("welcome", context) as port:
        yield f"https://127.0.0.1:{port}/"


async def ask(settings: EgressSettings, instance: str, url: str) -> bytes:
    """The partner's answer to an instance."""
    send, close = open_transport(outbound_of_instance(settings, outbound_of(settings), instance))
    try:
        outgoing = OutgoingRequest(method="GET", url=url, timeout=timedelta(seconds=5))
        return (await send(outgoing)).body
    finally:
        await close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_instance_shows_its_own_client_certificate(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """Another instance of the same host is turned away."""
    authority = Authority(tmp_path)
    async with partner(authority, version) as url:
        certificate = tmp_path / "billing.pem"
        (tmp_path / "server.pem").rename(certificate)  # a certificate and its key
        settings = EgressSettings(
            allow=LOOPBACK,
            ca_file=authority.file,
            client_certificates={"billing": str(certificate)},
        )
        assert await ask(settings, "billing", url) == b"welcome"
        with pytest.raises(ConnectionFailedError):
            await ask(settings, "other", url)


def encrypt(path: Path) -> None:
    key = load_pem_private_key(path.read_bytes(), None)
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    text = path.read_text()
    path.write_text(encrypted.decode() + text[text.index("-----BEGIN CERTIFICATE") :])


@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, lambda path: path.write_text("no PEM"), encrypt],
    ids=["missing", "no PEM", "encrypted"],
)
def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path, spoil: object) -> None:
    """With its place, and without a question at the terminal."""
    Authority(tmp_path).server()
    path = tmp_path / "server.pem"
    assert callable(spoil)
    spoil(path)
    settings = EgressSettings(client_certificates={"billing": str(path)})
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        outbound_of_instance(settings, outbound_of(settings), "billing")
    [fault] = caught.value.faults
    assert fault.place == "host.egress.client_certificates.billing"
    assert "which is not encrypted" in fault.message
