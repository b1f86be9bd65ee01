"""Connections to a real broker: every way to log in, every refusal said in its own words, secrets shown nowhere."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from daemon.errors import KafkaUnavailable, SettingsError
from daemon.kafka.connection import connection_options, reachable
from daemon.kafka.credentials import MAX_SECRET_BYTES, tls_context
from daemon.kafka_settings import KafkaSettings, TlsSettings
from tests.kafka_broker import Broker
from tests.kafka_commands import settings_file
from tests.process import genred

SECRET = "genred's secret"
QUICK_S = 8.0
Table = dict[str, Any]


def login(broker: Broker, mechanism: str, password: str = SECRET, **more: Any) -> Table:
    """`[kafka]` for the port with passwords."""
    sasl = {"mechanism": mechanism, "username": "genred", "password": password}
    tls = {"ca_file": broker.security.ca}
    return {"bootstrap_servers": [broker.security.sasl], "tls": tls, "sasl": sasl} | more


def token(broker: Broker, file: Path) -> Table:
    """`[kafka]` for a bearer token."""
    return login(broker, "OAUTHBEARER") | {"sasl": {"mechanism": "OAUTHBEARER", "token_file": file}}


def mtls(broker: Broker, **tls: Any) -> Table:
    """`[kafka]` for the port with client certificates."""
    return {"bootstrap_servers": [broker.security.mtls], "tls": {"ca_file": broker.security.ca, **tls}}


def answer(table: Table) -> str:
    """The brokers, or why there are none."""
    try:
        return "reached " + ", ".join(asyncio.run(reachable(KafkaSettings(**table))).brokers)
    except KafkaUnavailable as error:
        assert "\n" not in str(error)
        assert SECRET not in str(error)
        return str(error)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_the_right_password_and_the_wrong_one(secure_broker: Broker, mechanism: str) -> None:
    where = secure_broker.security.sasl
    assert answer(login(secure_broker, mechanism)) == f"reached {where}"
    wrong = answer(login(secure_broker, mechanism, "no secret of ours"))
    assert wrong.startswith(f"{where}: authentication failed for user 'genred' by {mechanism}: ")
    assert "no secret of ours" not in wrong


def test_a_password_file_is_read_at_every_call(secure_broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / "password"
    sasl = {"mechanism": "SCRAM-SHA-256", "username": "genred", "password_file": file}
    table = login(secure_broker, "SCRAM-SHA-256") | {"sasl": sasl}
    file.write_text("old")
    assert "kafka.sasl.password_file" in answer(table)
    file.write_text(f"  {SECRET}\n")
    assert answer(table).startswith("reached")


def test_bearer_tokens(secure_broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / "token"
    for bad in (secure_broker.security.token("genred", -60), "nonsense"):
        file.write_text(bad)
        assert answer(token(secure_broker, file)) == (
            f"{secure_broker.security.sasl} refuses the token: renew kafka.sasl.token_file"
        )
    file.write_text(secure_broker.security.token("genred"))
    assert answer(token(secure_broker, file)).startswith("reached")


def test_a_token_is_read_anew_at_each_connection(secure_broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    provider = connection_options(KafkaSettings(**token(secure_broker, file)))["sasl_oauth_token_provider"]
    file.write_text("second\n")
    assert asyncio.run(provider.token()) == "second"


def test_client_certificates(secure_broker: Broker, tmp_path: Path) -> None:
    security = secure_broker.security
    where = security.mtls
    assert answer(mtls(secure_broker, cert_file=security.cert, key_file=security.key)) == f"reached {where}"
    stranger = mtls(secure_broker, cert_file=security.stranger_cert, key_file=security.stranger_key)
    for refused in (mtls(secure_broker), stranger):
        assert answer(refused).startswith(f"{where} refuses this client's certificate: set kafka.tls.cert_file")
    key = load_pem_private_key(security.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"opens it")))
    right = mtls(secure_broker, cert_file=security.cert, key_file=locked, key_password="opens it")
    assert answer(right) == f"reached {where}"
    with pytest.raises(SettingsError, match="key_password") as refusal:
        answer(mtls(secure_broker, cert_file=security.cert, key_file=locked, key_password="does not"))
    assert "does not" not in str(refusal.value).replace("does not go with", "")


def test_authorities(secure_broker: Broker) -> None:
    stranger = {"ca_file": secure_broker.security.stranger_ca}
    for tls in ({}, stranger):
        said = answer(login(secure_broker, "PLAIN", tls=tls))
        assert "certificate is not trusted" in said
        assert "kafka.tls.ca_file" in said


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (lambda b: {"bootstrap_servers": [b.security.sasl]}, "closes the connection at once: does the broker want TLS"),
        (lambda b: login(b, "PLAIN", bootstrap_servers=[b.bootstrap]), "during the TLS handshake"),
        (lambda b: login(b, "PLAIN", bootstrap_servers=[b.bootstrap], tls=None), "asks for no login"),
        (lambda b: login(b, "PLAIN", sasl=None), "it wants a login"),
        (lambda b: {"bootstrap_servers": ["nohost.invalid:9092"]}, "no host of this name"),
        (lambda b: {"bootstrap_servers": ["127.0.0.1:1"]}, "refuses the connection"),
        (lambda b: {"bootstrap_servers": ["127.0.0.1:1", "127.0.0.1:2"]}, "; 127.0.0.1:2 refuses the connection"),
        (lambda b: {"bootstrap_servers": ["127.0.0.1:1", b.bootstrap]}, "reached"),
    ],
)
def test_each_refusal_is_told_apart(secure_broker: Broker, table: Callable[[Broker], Table], says: str) -> None:
    assert says in answer(table(secure_broker))


def test_somebody_who_says_nothing(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        table = {"bootstrap_servers": [f"127.0.0.1:{silent.getsockname()[1]}"], "request_timeout_s": 0.6}
        began_s = time.monotonic()
        assert "does not answer" in answer(table)
        assert time.monotonic() - began_s < QUICK_S


def test_an_unreachable_cluster_is_69_and_quick(tmp_path: Path) -> None:
    settings = settings_file(tmp_path, {"bootstrap_servers": ["127.0.0.1:1"]})
    for command in (["topics", "check", "-c"], ["topics", "create", "-c"], ["watch", "-c"], ["feed", __file__, "-c"]):
        began_s = time.monotonic()
        done = genred(*command, str(settings))
        if command[0] != "feed":
            assert done.stderr == (
                "genred: 127.0.0.1:1 refuses the connection: start the broker, or correct kafka.bootstrap_servers\n"
            )
        assert done.returncode == 69, done.stderr
        assert time.monotonic() - began_s < QUICK_S


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b" \n", "is empty"),
        (b"a\nb", "holds more than one line"),
        (b"\xff\xfe", "is not text"),
        (b"x" * (MAX_SECRET_BYTES + 1), "is larger than"),
    ],
)
def test_files_that_hold_no_secret(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    plain = {"mechanism": "PLAIN", "username": "genred", "password_file": file}
    bearer = {"mechanism": "OAUTHBEARER", "token_file": file}
    for key, sasl in (("password_file", plain), ("token_file", bearer)):
        with pytest.raises(SettingsError) as refusal:
            connection_options(KafkaSettings.model_validate({"bootstrap_servers": ["h:1"], "sasl": sasl}))
        assert f"kafka.sasl.{key}: {file} {says}" in str(refusal.value)


def test_files_that_hold_no_certificates(tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for tls, says in (
        ({"ca_file": text}, f"kafka.tls.ca_file: {text} holds no certificates"),
        ({"ca_file": tmp_path / "none"}, "cannot be read"),
        ({"cert_file": tmp_path / "none", "key_file": text}, "kafka.tls.cert_file"),
        ({"cert_file": text, "key_file": text}, "kafka.tls.key_file"),
    ):
        with pytest.raises(SettingsError) as refusal:
            tls_context(TlsSettings.model_validate(tls))
        assert says in str(refusal.value)


def test_tls_is_new_enough_and_looks_at_names() -> None:
    context = tls_context(TlsSettings())
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    careless = tls_context(TlsSettings(check_hostname=False))
    assert not careless.check_hostname
    assert careless.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"])
def test_no_secret_is_logged(
    secure_broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    file = tmp_path / "token"
    file.write_text(secure_broker.security.token("genred"))
    caplog.set_level(logging.DEBUG)
    table = token(secure_broker, file) if mechanism == "OAUTHBEARER" else login(secure_broker, mechanism)
    assert answer(table).startswith("reached")
    for secret in (SECRET, SECRET.replace("'", "\\'"), file.read_text()):
        assert secret not in caplog.text


def test_no_command_shows_a_secret(secure_broker: Broker, tmp_path: Path, tiny_model: Path) -> None:
    table = login(secure_broker, "PLAIN", "wrong secret")
    table["tls"]["key_password"] = "key secret"
    settings = settings_file(tmp_path, table, model=str(tiny_model), log={"level": "debug"})
    config = genred("config", "-c", str(settings))
    assert config.returncode == 0
    check = genred("check", "-c", str(settings), "--connect")
    assert check.returncode == 69
    assert "FAIL  brokers: " in check.stdout
    assert "topics" not in check.stdout  # of no use without brokers
    by_environment = genred("config", "-c", str(settings), GENRED_KAFKA__SASL__PASSWORD="their secret")
    for shown in (config, check, by_environment):
        assert "secret" not in shown.stdout + shown.stderr


def test_check_contacts_nobody_unless_asked(tmp_path: Path, tiny_model: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        kafka = {"bootstrap_servers": [where], "request_timeout_s": 0.6}
        settings = settings_file(tmp_path, kafka, model=str(tiny_model))
        assert genred("check", "-c", str(settings)).returncode == 0
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert genred("check", "-c", str(settings), "--connect").returncode == 69
        listener.accept()[0].close()
