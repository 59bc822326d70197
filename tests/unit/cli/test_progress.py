import io
import re
from typing import Any

import pytest

from quorate.contract.progress import Progress
from quorate.render.terminal import cells
from quorate_cli.progress import MAX_AGENTS, ProgressView

CLEAR = "\r\x1b[2K"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A view on a stream, and what of it can be seen."""

    def __init__(self, is_tty: bool = True, color: bool = False, **options: Any) -> None:
        self.clock = Clock()
        self.stream = io.StringIO()
        self.view = ProgressView(self.stream, is_tty, color, self.clock, **options)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def line(self) -> str:
        return self.text.rpartition(CLEAR)[2]


def sign(agent: str, type: str = "agent.finished", **fields: Any) -> Progress:
    known: dict[str, Any] = {"type": type, "task": "t1", "agent": agent, "step": "review", "at": 5e9}
    return Progress(**(known | fields))


def test_a_terminal_shows_one_line_that_moves_on() -> None:
    screen = Screen()
    screen.view.start(["ruff", "bandit"])
    assert screen.line == "ruff waiting · bandit waiting"
    screen.view.update(sign("ruff", "agent.started"))
    screen.view.update(sign("bandit", "agent.started"))
    screen.clock.now += 4.2
    screen.view.update(sign("ruff", findings=3, elapsed_ms=110))
    assert screen.line == "ruff done 3 findings 0.1 s · bandit running 4 s"
    assert "\n" not in screen.text
    screen.view.close()
    assert screen.line == ""


def test_elsewhere_each_finished_agent_has_a_plain_line() -> None:
    screen = Screen(is_tty=False, color=True)
    screen.view.start(["ruff", "bandit"])
    screen.view.update(sign("ruff", "agent.started"))
    screen.view.update(sign("ruff", findings=1, elapsed_ms=110))
    screen.view.update(sign("bandit", elapsed_ms=12_000, text="2 files are not Python"))
    screen.view.refresh()
    screen.view.close()
    assert screen.text == "ruff: 1 finding in 0.1 s\nbandit: 0 findings in 12 s (2 files are not Python)\n"


def test_the_same_end_twice_is_told_once_and_another_step_again() -> None:
    screen = Screen(is_tty=False)
    for step in ("propose", "propose", "judge"):
        screen.view.update(sign("gpt", step=step))
    assert screen.text.count("gpt: ") == 2


def test_a_sign_that_comes_after_the_end_does_not_revive_an_agent() -> None:
    screen = Screen()
    screen.view.update(sign("ruff", elapsed_ms=100))
    screen.view.update(sign("ruff", "agent.progress", text="late"))
    assert screen.line == "ruff done 0 findings 0.1 s"


def test_an_agent_that_nobody_announced_is_shown() -> None:
    screen = Screen()
    screen.view.start(["ruff"])
    screen.view.update(sign("gpt", "agent.progress", text="reading auth.py"))
    assert screen.line == "ruff waiting · gpt running 0 s (reading auth.py)"


def test_running_times_move_with_refresh_and_not_more_than_ten_times_a_second() -> None:
    screen = Screen()
    screen.view.update(sign("ruff", "agent.started"))
    drawn = screen.text.count(CLEAR)
    screen.view.refresh()
    screen.view.update(sign("ruff", "agent.progress"))
    assert screen.text.count(CLEAR) == drawn
    screen.clock.now += 2
    screen.view.refresh()
    assert screen.line == "ruff running 2 s"


def test_where_not_all_agents_fit_those_that_run_come_first() -> None:
    screen = Screen(width=60)
    screen.view.start([f"waiter-{number}" for number in range(8)])
    screen.view.update(sign("ruff"))
    screen.view.update(sign("gpt", "agent.started"))
    assert screen.line == "1 of 10 done · gpt running 0 s · waiter-0 waiting · waiter…"
    assert cells(screen.line) == 59


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_line_leaves_the_last_column_free(width: int) -> None:
    screen = Screen(width=width, color=True)
    screen.view.start([f"漢字-agent-{number}" for number in range(30)])
    screen.view.update(sign("x" * 500, "agent.progress", text="y" * 500))
    assert all(cells(line) < width for line in screen.text.split(CLEAR))


def test_colours_frame_whole_words_and_can_be_left_out() -> None:
    colored, plain = Screen(color=True), Screen()
    for screen in (colored, plain):
        screen.view.start(["bandit"])
        screen.view.update(sign("ruff", findings=2))
    assert "\x1b[32mdone 2 findings 0.0 s\x1b[0m" in colored.line
    assert re.sub(r"\x1b\[\d*m", "", colored.line) == plain.line


@pytest.mark.parametrize("is_tty", [True, False])
def test_names_and_texts_from_messages_control_nothing(is_tty: bool) -> None:
    screen = Screen(is_tty)
    screen.view.update(sign("a\x1b[2J\n", "agent.progress", text="\x9bx\r\u202e"))
    screen.view.update(sign("a\x1b[2J\n", text="\x9bx\r\u202e"))
    written = screen.text.replace(CLEAR, "").replace("\n", "")
    assert written.isprintable()
    assert "a\\x1b[2J" in written


def test_a_terminal_without_unicode_gets_plain_signs() -> None:
    screen = Screen(encoding="ascii")
    screen.view.start(["a", "ü"])
    assert screen.line == "a waiting - \\xfc waiting"


def test_more_agents_than_can_be_real_are_not_kept() -> None:
    screen = Screen(is_tty=False)
    for number in range(MAX_AGENTS + 50):
        screen.view.update(sign(f"a{number}"))
    assert screen.text.count("\n") == MAX_AGENTS


def test_a_closed_view_writes_no_more() -> None:
    screen = Screen()
    screen.view.start(["ruff"])
    screen.view.close()
    before = screen.text
    screen.view.update(sign("ruff"))
    screen.view.refresh()
    screen.view.close()
    assert screen.text == before


def test_a_stream_that_is_gone_ends_the_display_only() -> None:
    screen = Screen()
    screen.view.start(["ruff"])
    screen.stream.close()
    screen.view.update(sign("ruff"))
    screen.view.close()


def test_nothing_is_written_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    for is_tty in (True, False):
        screen = Screen(is_tty)
        screen.view.start(["ruff"])
        screen.view.update(sign("ruff"))
        screen.view.close()
    assert capsys.readouterr().out == ""
