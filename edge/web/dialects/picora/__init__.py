"""
Picora's audio API, under ``/v1``: audio brought in whole or resumably, described, listed, deleted.
"""
