"""
The shape of file paths inside a mount.

Paths come decoded from the door, which refuses the obvious tricks; every origin asks here again,
because an origin that trusts its caller is one forgotten check away from serving ``/etc``.
"""

import unicodedata


def segments(path: str) -> tuple[str, ...] | None:
    """Split a decoded *path* into its names, None when it cannot be the path of a file."""
    if not path.startswith("/"):
        return None
    names = tuple(path[1:].split("/"))
    return names if all(map(is_name, names)) else None


def join(mount: str, path: str) -> str:
    """Return the account's path for *path* inside *mount*."""
    return path if mount == "/" else mount + path


def inside(mount: str, path: str) -> str | None:
    """Return *path* relative to *mount*, with a leading slash; None when it lies elsewhere."""
    if mount == "/":
        return path
    if path == mount:
        return "/"
    return path[len(mount) :] if path.startswith(mount + "/") else None


def nameable(text: str) -> str:
    """Put ``_`` for each character of *text* that no name of a file can have."""
    return "".join(char if _in_names(char) else "_" for char in text)


def is_name(name: str) -> bool:
    """Tell whether a file can have *name*."""
    return name not in ("", ".", "..") and all(map(_in_names, name))


def _in_names(char: str) -> bool:
    # Cs are lone surrogates: names that no UTF-8 spells, which the file system would accept as
    # raw bytes; Cc are the control characters with NUL among them.
    return char not in "/\\" and unicodedata.category(char) not in ("Cc", "Cs")
