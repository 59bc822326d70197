"""Workers on other machines of the lab send their results here."""

import pickle
import socket
import struct


def receive(connection):
    (size,) = struct.unpack("!I", connection.recv(4))
    chunks = []
    while size:
        chunk = connection.recv(min(size, 65536))
        if not chunk:
            raise ConnectionError("the worker went away")
        chunks.append(chunk)
        size -= len(chunk)
    return pickle.loads(b"".join(chunks))


def serve(results):
    with socket.create_server(("0.0.0.0", 7070)) as server:
        while True:
            connection, _address = server.accept()
            with connection:
                results.append(receive(connection))
