"""
Bodies of ``multipart/form-data`` (RFC 7578), read as they come.

``header_values`` and ``heads`` understand what stands above a part, ``parser`` turns bytes into
events without waiting for any, ``form`` is what a door iterates. Starlette's own reader writes
whole files to disk before it says anything about them; here a file goes by once, at the pace of
whoever takes it, and what follows it is read when it is asked for.
"""
