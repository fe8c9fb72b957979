"""Bytes that nothing names any more, until they are gone."""
