import pytest

from quorate.render.fingerprint import line_hashes


@pytest.mark.parametrize(
    ("content", "hashes"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (
            " a\nb\n  \t\tc\n d",
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
        ),
    ],
)
def test_lines_have_the_fingerprints_that_githubs_action_computes(content: str, hashes: list[str]) -> None:
    """The numbers are those of the action's own tests, in github/codeql-action, src/fingerprints.test.ts."""
    assert line_hashes(content) == hashes


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_every_kind_of_line_end_counts_as_one(end: str) -> None:
    content = " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n".replace("\n", end)
    assert line_hashes(content) == [
        "e9496ae3ebfced30:1",
        "fb7c023a8b9ccb3f:1",
        "ce8ba1a563dcdaca:1",
        "e20e36e16fcb0cc8:1",
        "b3edc88f2938467e:1",
        "c8e28b0b4002a3a0:1",
        "c129715d7a2bc9a3:1",
    ]


def test_equal_lines_are_told_apart_by_their_count() -> None:
    hashes = line_hashes("Lorem ipsum dolor sit amet.\n" * 10)
    assert hashes[:7] == [*(f"a7f2ff13bc495cf2:{count}" for count in range(1, 7)), "a7f2ff1481e87703:1"]
    assert hashes[-1] == "c129715d7a2bc9a3:1"


def test_characters_beyond_the_first_plane_count_as_javascript_counts_them() -> None:
    assert line_hashes("\U0001f389") != line_hashes("\uf389")
    assert len(line_hashes("\udc80\n")) == 2
