"""
Deliver bytes that exist: from a request's headers to the exact answer of RFC 9110.

The room is pure except for its door: ``ranges``, ``conditional``, ``content``, ``disposition``
and ``answer`` decide, ``files`` sends.
"""
