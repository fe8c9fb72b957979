from __future__ import annotations

import pytest

from edge.accounts.scopes import EVERY_SCOPE, Scope, read_scopes, spell_scopes
from edge.ids import KeyKind


def test_all_scopes_are_a_star() -> None:
    assert read_scopes("*", KeyKind.SECRET) == EVERY_SCOPE
    assert read_scopes("usage,jobs,write,read,upload", KeyKind.SECRET) == EVERY_SCOPE
    assert spell_scopes(EVERY_SCOPE) == "*"


def test_scopes_are_read_and_spelt_in_one_order() -> None:
    scopes = read_scopes("upload, read", KeyKind.SECRET)

    assert {Scope.UPLOAD, Scope.READ} == scopes
    assert spell_scopes(scopes) == "read,upload"


@pytest.mark.parametrize("text", ["*", "upload"])
def test_a_public_key_uploads_and_no_more(text: str) -> None:
    assert {Scope.UPLOAD} == read_scopes(text, KeyKind.PUBLIC)


@pytest.mark.parametrize("text", ["read", "upload,read", "upload,*"])
def test_a_public_key_gets_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="a public key may have upload, or"):
        read_scopes(text, KeyKind.PUBLIC)


@pytest.mark.parametrize("text", ["", "all", "read,", "READ"])
def test_an_unknown_scope_is_named_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="may have jobs, read, upload, usage, write, or"):
        read_scopes(text, KeyKind.SECRET)
