"""CGI-style handler: the form arrives on standard input."""

import os
import sqlite3
import sys
from urllib.parse import parse_qs


def read_form():
    size = int(os.environ.get("CONTENT_LENGTH") or 0)
    return parse_qs(sys.stdin.read(size))


def main():
    form = read_form()
    names = [name.title() for name in form.get("name", [])]
    script = "\n".join(f"INSERT INTO guests (name) VALUES ('{name}');" for name in names)
    with sqlite3.connect("guests.db") as connection:
        connection.executescript(script)
    print("Content-Type: text/plain\n")
    print(len(names), "added")


if __name__ == "__main__":
    main()
