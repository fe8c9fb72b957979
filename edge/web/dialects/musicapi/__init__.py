"""MusicAPI's API, as far as it is about sounds that are there already."""
