"""Public keys as they come: PEM that is checked before anything rests on it."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from edge.accounts.tokens import TokenAlgorithm

# "A key of size 2048 bits or larger MUST be used" (RFC 7518, 3.3).
_LEAST_RSA_BITS = 2048
_MOST_RSA_BITS = 8192

_WANTED = {
    TokenAlgorithm.RS256: f"an RSA public key of {_LEAST_RSA_BITS} to {_MOST_RSA_BITS} bits",
    TokenAlgorithm.ES256: "an EC public key on the curve P-256",
}


def read_public_key(content: bytes, algorithm: TokenAlgorithm) -> str:
    """
    Read a public key that checks tokens of *algorithm*, and spell it in one way.

    Raises:
        ValueError: It is something else; a private key above all, which belongs to nobody but
            whoever signs.
    """
    wanted = _WANTED.get(algorithm)
    if wanted is None:
        raise ValueError(f"{algorithm}: keys are registered for {' and '.join(_WANTED)} only")
    if b"PRIVATE KEY" in content:
        raise ValueError(f"this is a private key; {algorithm} needs {wanted}, as PEM")
    try:
        key = load_pem_public_key(content)
    except ValueError:
        raise ValueError(f"this is no public key; {algorithm} needs {wanted}, as PEM") from None
    match key:
        case rsa.RSAPublicKey(key_size=bits) if (
            algorithm is TokenAlgorithm.RS256 and _LEAST_RSA_BITS <= bits <= _MOST_RSA_BITS
        ):
            pass
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()) if algorithm is TokenAlgorithm.ES256:
            pass
        case _:
            raise ValueError(f"this is another kind of public key; {algorithm} needs {wanted}")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
