"""Certificates, users and listeners of a broker that lets in only whom it knows."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

PLAIN_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"
OAUTH_LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
HOST = "127.0.0.1"


class Security:
    """Who a broker trusts. `sasl` listens with SASL_SSL, `mtls` with SSL and a client certificate.

    Every user may log in by PLAIN and by SCRAM. `stranger_*` belong to an authority that the broker does not know.
    """

    def __init__(self, folder: Path, sasl_port: int, mtls_port: int) -> None:
        folder.mkdir(parents=True)
        self.sasl, self.mtls = f"{HOST}:{sasl_port}", f"{HOST}:{mtls_port}"
        self.users = {"genred": "genred's secret", "other": "other's secret"}
        self.ca, self.cert, self.key = (folder / name for name in ("ca.pem", "client.pem", "client.key"))
        self.stranger_ca, self.stranger_cert, self.stranger_key = (
            folder / f"stranger-{name}" for name in ("ca.pem", "client.pem", "client.key")
        )
        self._server = folder / "server.pem"
        authority, stranger = trustme.CA(), trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        stranger.cert_pem.write_to_path(self.stranger_ca)
        server = authority.issue_cert(HOST, "localhost")
        self._server.write_bytes(_key(server) + b"".join(blob.bytes() for blob in server.cert_chain_pems))
        for issuer, cert, key in (
            (authority, self.cert, self.key),
            (stranger, self.stranger_cert, self.stranger_key),
        ):
            client = issuer.issue_cert("genred.test", common_name="genred")
            client.cert_chain_pems[0].write_to_path(cert)
            key.write_bytes(_key(client))

    def server_settings(self) -> dict[str, str]:
        """The broker's settings of both listeners, and of who may do what once an ACL is made."""
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        sasl = "listener.name.sasl_ssl"
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._server),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca),
            "listener.name.ssl.ssl.client.auth": "required",
            f"{sasl}.sasl.enabled.mechanisms": ",".join(("PLAIN", "OAUTHBEARER", *SCRAM)),
            f"{sasl}.plain.sasl.jaas.config": f"{PLAIN_LOGIN} required {known};",
            f"{sasl}.oauthbearer.sasl.jaas.config": f'{OAUTH_LOGIN} required unsecuredLoginStringClaim_sub="broker";',
            **{f"{sasl}.{name.lower()}.sasl.jaas.config": f"{SCRAM_LOGIN} required;" for name in SCRAM},
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
            "super.users": "User:ANONYMOUS",  # the plain listener, where tests make topics and ACLs
        }

    def format_arguments(self) -> list[str]:
        """SCRAM's users live in the log itself, from its formatting on."""
        return [
            argument
            for mechanism in SCRAM
            for name, password in self.users.items()
            for argument in ("--add-scram", f'{mechanism}=[name="{name}",password="{password}"]')
        ]

    def token(self, user: str, lives_s: float = 600.0) -> str:
        """An unsigned bearer token for OAUTHBEARER; a negative life makes one that has run out."""
        now = time.time()
        claims = {"sub": user, "iat": now + min(lives_s, 0) - 60, "exp": now + lives_s}
        parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "none"}, claims))
        return b".".join((*parts, b"")).decode()


def _key(certificate: trustme.LeafCert) -> bytes:
    # Kafka reads PKCS #8 only; trustme writes the older form.
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
