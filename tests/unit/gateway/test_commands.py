"""Commands in comments."""

import pytest

from quorate_gateway.domain.commands import Command, command_in

ID = "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/quorate review", Command("review")),
        ("  /quorate\treview  ", Command("review")),
        ("/quorate Review please", Command("review", argument="please")),
        ("Thanks!\r\n\r\n/quorate pause\r\n", Command("pause")),
        ("/quorate", Command("help")),
        ("/quorate help", Command("help")),
        ("/quorate frobnicate it", Command("help", argument="frobnicate it")),
        (f"/quorate dismiss {ID} checked above", Command("dismiss", ID, "checked above")),
        (f"/quorate dismiss {ID.upper()}", Command("dismiss", ID)),
        (f"/quorate dismiss {ID}-2 why", Command("dismiss", f"{ID}-2", "why")),
        (f"/quorate dismiss {ID[:6]} why", Command("dismiss", ID[:6], "why")),
        (f"/quorate dismiss {ID[:5]} why", Command("dismiss", argument=f"{ID[:5]} why")),
        ("/quorate dismiss checked above", Command("dismiss", argument="checked above")),
        ("/quorate dismiss effaced facade", Command("dismiss", argument="effaced facade")),
        (f"/quorate review {ID}", Command("review", argument=ID)),
        ("/quorate resume\n/quorate pause", Command("resume")),
        ("> as you said\r/quorate pause", Command("pause")),
        ("> as you said\n\n/quorate explain", Command("explain")),
        ("```\n/quorate pause\n```\n/quorate resume", Command("resume")),
        ("~~~~\n```\n/quorate pause\n~~~\n~~~~~\n/quorate resume", Command("resume")),
        ("```a`b\n/quorate resume", Command("resume")),
        ("<!-- not this\n/quorate pause\n-->\n/quorate resume", Command("resume")),
        ("<!-- a --> b\n/quorate resume", Command("resume")),
    ],
)
def test_the_first_command_at_the_beginning_of_a_line_counts(text: str, command: Command) -> None:
    assert command_in(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please /quorate review",
        "/quoratereview",
        "/quorate-review",
        "/ quorate review",
        "> /quorate review",
        "`/quorate review`",
        *(f"> as you said{char}/quorate pause" for char in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
        "    /quorate review",
        "\t/quorate review",
        "```\n/quorate review",
        "```\n/quorate review\n``",
        "```\n/quorate review\n``` no end",
        "<!--\n/quorate review",
        "\n" * 5_000 + "/quorate review",
    ],
)
def test_elsewhere_there_is_no_command(text: str) -> None:
    assert command_in(text) is None


def test_what_follows_is_cut() -> None:
    command = command_in("/quorate dismiss " + "x" * 100_000)
    assert command is not None
    assert len(command.argument) == 2_000


def test_a_long_comment_takes_no_time() -> None:
    assert command_in("/quorate " * 30_000) == Command("help", argument=("/quorate " * 30_000).strip()[:2_000].strip())
    assert command_in((" " * 60_000 + "\n") * 10) is None
    assert command_in("`" * 60_000) is None
