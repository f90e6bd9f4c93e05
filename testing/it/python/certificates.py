"""An authority of a test's own, and what it vouches for."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFE = datetime.timedelta(days=2)


class Authority:
    """`file` has its certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority for tests")])
        about = self.about(self.name, self.key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.pem(about))

    def about(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        about = x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key.public_key())
        about = about.serial_number(x509.random_serial_number())
        return about.not_valid_before(now - LIFE).not_valid_after(now + LIFE)

    def pem(self, about: x509.CertificateBuilder) -> bytes:
        return about.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def server(self, address: str) -> ssl.SSLContext:
        """TLS of a server with this address."""
        key = ec.generate_private_key(ec.SECP256R1())
        of = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        about = self.about(x509.Name([]), key).add_extension(of, critical=True)
        file = self.folder / f"{address}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(secret + self.pem(about))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context
