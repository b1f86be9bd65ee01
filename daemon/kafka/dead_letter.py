"""Dead letters that can be written, however large or empty the refused record was. Pure."""

from __future__ import annotations

from dataclasses import replace

from daemon.kafka.output_record import DEAD_LETTER_HEADERS, OutputRecord

MAX_BYTES = 1_000_000  # Kafka's default limit of a record, less some room


def fitting(letter: OutputRecord) -> OutputRecord:
    """The letter without its value, then its record's headers, then its key, as far as it is too large with them.

    Without either of key and value it has an empty value: aiokafka writes nothing else.
    """
    if letter.value is not None and _size(letter) > MAX_BYTES:
        letter = replace(letter, value=None, headers=[*letter.headers, _said("value", len(letter.value))])
    if _size(letter) > MAX_BYTES:
        own = [header for header in letter.headers if header[0] in (*DEAD_LETTER_HEADERS, "genred-value-bytes")]
        dropped = sum(len(name) + len(value) for name, value in letter.headers if (name, value) not in own)
        letter = replace(letter, headers=[*own, _said("headers", dropped)])
    if letter.key is not None and _size(letter) > MAX_BYTES:
        letter = replace(letter, key=None, headers=[*letter.headers, _said("key", len(letter.key))])
    return replace(letter, value=b"") if letter.key is None and letter.value is None else letter


def _said(what: str, size: int) -> tuple[str, bytes]:
    return f"genred-{what}-bytes", b"%d" % size


def _size(letter: OutputRecord) -> int:
    headers = sum(len(name.encode()) + len(value) + 10 for name, value in letter.headers)
    return len(letter.key or b"") + len(letter.value or b"") + headers
