"""Kafka: audio in, results out, and the log as the state store (DESIGN: the contract is docs/kafka.md)."""
