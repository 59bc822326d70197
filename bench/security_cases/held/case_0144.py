import random
import string


def invitation(email):
    """A code with which the invited person may register."""
    if "@" not in email:
        raise ValueError("an address has an @")
    code = "".join(random.choice(string.ascii_letters + string.digits) for _ in range(16))
    return {"email": email, "code": code}
