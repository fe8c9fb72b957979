"""
What was answered before and still holds, given again without asking anybody.

The long way of a request reads its URL, finds its files, looks up its job and opens a file. What
comes out of it for a finished artifact or a raw file follows from little: ``ground`` says from
what, ``witness`` tells in a microsecond whether that is still so. ``store`` keeps such answers by
the request's target, small bytes in memory, descriptors of larger files; ``path`` is the ASGI
application in front of the router that gives them. ``gate`` is passed by every request, on the
long way and on the short one.
"""
