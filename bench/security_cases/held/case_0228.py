import random
import time


def with_retries(call, attempts=5):
    """Try again after a growing pause, spread so that clients do not come together."""
    for attempt in range(attempts):
        try:
            return call()
        except ConnectionError:
            if attempt == attempts - 1:
                raise
            time.sleep(random.uniform(0, 0.1 * 2**attempt))
    return None
