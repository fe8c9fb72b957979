"""ID3v2.4, byte for byte."""

from transforms.mux.id3 import id3


def test_nothing_to_say_is_nothing() -> None:
    assert id3({}) == b""
    assert id3({"unknown": "x"}) == b""


def test_a_tag_is_this_to_the_byte() -> None:
    title = b"TIT2\x00\x00\x00\x03\x00\x00\x03\xc3\xa4"
    comment = b"COMM\x00\x00\x00\x06\x00\x00\x03eng\x00c"

    assert id3({"title": "ä", "comment": "c"}) == (
        b"ID3\x04\x00\x00\x00\x00\x00" + bytes([len(title + comment)]) + title + comment
    )


def test_sizes_are_seven_bits_a_byte() -> None:
    made = id3({"title": "x" * 299})

    assert made[6:10] == bytes([0, 0, 2, 54])
    assert made[14:18] == bytes([0, 0, 2, 44])
    assert len(made) == 10 + 2 * 128 + 54


def test_the_gapless_comment_has_a_size_that_its_numbers_do_not_change() -> None:
    assert len(id3({}, gapless=(0, 0, 0))) == len(id3({}, gapless=(1024, 2047, 2**40)))
