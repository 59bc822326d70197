"""The signature of a webhook: who knows the secret has sent it, and nobody has changed it since."""

import hashlib
import hmac


def signature_of(secret: str, body: bytes) -> str:
    """What the header ``X-Hub-Signature-256`` has to be."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(secret: str, body: bytes, signature: str | None) -> bool:
    """Whether the signature is of this very body; the time that it takes says nothing about the right one."""
    # As bytes: two texts are not compared when one of them has other characters than ASCII.
    given = (signature or "").encode("utf-8", "replace")
    return hmac.compare_digest(signature_of(secret, body).encode(), given)
