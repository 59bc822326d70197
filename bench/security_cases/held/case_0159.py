import random
from dataclasses import dataclass, field


def make_secret(length=20):
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "".join(random.choices(alphabet, k=length))


@dataclass
class ApiClient:
    name: str
    client_id: int
    client_secret: str = field(default_factory=make_secret)


def register(registry, name):
    client = ApiClient(name, len(registry) + 1)
    registry[client.client_id] = client
    return client
