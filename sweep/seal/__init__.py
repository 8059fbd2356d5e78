"""Seals: hashes, signature, time and number of a record, and all that verifies them."""
