"""Faults put into the `signedin` command: what it shows, and how it ends."""

from tests.mutants.catalogue import Mutant

_TROUBLE = "tests/cli/test_trouble.py::test_"

COMMAND = (
    Mutant(
        "",
        "a full standard output is written once more at the end",
        "cli/output.py",
        "        _redirect_to_nowhere(sys.stdout)\n",
        "",
        f"{_TROUBLE}a_full_standard_output_is_one_line_that_says_that_it_was_done[status]",
    ),
    Mutant(
        "",
        "the text of an unexpected exception is shown",
        "cli/__init__.py",
        "{type(error).__name__} in {where}",
        "{error!r} in {where}",
        f"{_TROUBLE}every_exception_is_one_line_and_a_code",
    ),
    Mutant(
        "",
        "letters that cannot be encoded end the command",
        "cli/output.py",
        'errors="backslashreplace"',
        'errors="strict"',
        f"{_TROUBLE}letters_that_standard_output_cannot_encode_are_escaped",
    ),
    Mutant(
        "",
        "that standard output is full shows at the interpreter's end",
        "cli/output.py",
        "        sys.stdout.flush()\n",
        "",
        f"{_TROUBLE}a_full_standard_output_is_one_line_that_says_that_it_was_done[status]",
    ),
    Mutant(
        "",
        "the text of --help is left to the interpreter's end",
        "cli/__init__.py",
        '        output.write("")\n',
        "",
        f"{_TROUBLE}a_full_standard_output_is_one_line_that_says_that_it_was_done[--help]",
    ),
    Mutant(
        "",
        "a full standard error is written once more at the end",
        "cli/output.py",
        "        _redirect_to_nowhere(sys.stderr)\n",
        "        pass\n",
        f"{_TROUBLE}a_full_or_closed_standard_error_changes_neither_the_code_nor_the_answer",
    ),
    Mutant(
        "",
        "without a standard error what went wrong goes to standard output",
        "cli/output.py",
        "    if sys.stderr is None:  # `print` would take standard output in its place\n        return\n",
        "    sys.stderr = sys.stderr or sys.stdout\n",
        f"{_TROUBLE}a_full_or_closed_standard_error_changes_neither_the_code_nor_the_answer",
    ),
    Mutant(
        "",
        "Ctrl-D at the prompt is an unexpected error",
        "cli/options.py",
        "    except EOFError:",
        "    except ZeroDivisionError:",
        f"{_TROUBLE}ctrl_d_at_the_prompt_is_one_line",
    ),
)
