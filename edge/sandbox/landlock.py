"""
No file, no port and no other process, by Landlock: a second wall behind the filter of calls.

A ruleset that handles every right and grants none is three system calls, so there is no library
for it here. Descriptors that are open already stay what they are. Source: the kernel's
``Documentation/userspace-api/landlock.rst``.
"""

from __future__ import annotations

import ctypes
import os
import struct

# The same on every architecture, like all calls added since Linux 5.2.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION = 1

# struct landlock_ruleset_attr grew with the ABI: rights over files, over ports, and scopes.
_ATTRIBUTES = struct.Struct("=QQQ")
_BYTES_BEFORE_PORTS, _BYTES_BEFORE_SCOPES = 8, 16

# How many rights over files each ABI knows: 2 added linking, 3 truncation, 5 device commands.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_FILE_RIGHTS = 16
_BIND_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
_FIRST_WITH_PORTS, _FIRST_WITH_SCOPES = 4, 6


def available() -> int:
    """Tell the kernel's Landlock ABI, 0 if it has none or is not to use it."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def restrict() -> int:
    """
    Take every right that Landlock knows from this process, for ever.

    Needs the no-new-privileges bit. Threads that run already stay as they are.

    Returns:
        The ABI that was used, 0 where there is none.
    """
    abi = available()
    if not abi:
        return 0
    attributes = _ATTRIBUTES.pack(
        (1 << _FILE_RIGHTS.get(abi, _NEWEST_FILE_RIGHTS)) - 1,
        _BIND_AND_CONNECT if abi >= _FIRST_WITH_PORTS else 0,
        _ABSTRACT_SOCKETS_AND_SIGNALS if abi >= _FIRST_WITH_SCOPES else 0,
    )
    if abi < _FIRST_WITH_PORTS:
        attributes = attributes[:_BYTES_BEFORE_PORTS]
    elif abi < _FIRST_WITH_SCOPES:
        attributes = attributes[:_BYTES_BEFORE_SCOPES]
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return 0
    try:
        return abi if _call(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _call(number: int, *arguments: bytes | int | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(libc.syscall(ctypes.c_long(number), *given))
