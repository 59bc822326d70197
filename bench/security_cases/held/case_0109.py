import random
import string


def invitation(email):
    letters = random.SystemRandom()
    if "@" not in email:
        raise ValueError("an address has an @")
    code = "".join(letters.choice(string.ascii_letters + string.digits) for _ in range(24))
    return {"email": email, "code": code}
