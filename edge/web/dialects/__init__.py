"""The documents whose APIs are spoken here, one package each."""
