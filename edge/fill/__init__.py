"""
Producing artifacts: where what is wanted meets the bytes it is made from.

The only room in which ``transforms`` and ``cache`` meet. It knows no HTTP: requests arrive as
``TransformUrl``, answers leave as jobs and receipts.
"""
