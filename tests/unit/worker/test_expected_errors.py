"""Code that is meant to fail."""

from quorate_worker.adapters.expected_errors import is_expected_to_fail

CODE = """\
def test_it(self):
    wrong()
    with pytest.raises(
        TypeError,
    ):
        if x:

            wrong(
                1
            )
    wrong()
    with self.assertRaises(TypeError): wrong()
    with pytest.raises(TypeError):
        def inner():
            wrong()
with open(x):
    wrong()
"""


def test_what_stands_in_a_block_that_expects_an_error_is_expected_to_fail() -> None:
    lines = CODE.split("\n")

    expected = [
        number for number, line in enumerate(lines, 1) if is_expected_to_fail(lines, number) and "wrong" in line
    ]

    assert expected == [8, 12]


def test_no_line_outside_of_the_text_is() -> None:
    assert not is_expected_to_fail([], 1)
    assert not is_expected_to_fail(["with raises(x): y"], 2)
