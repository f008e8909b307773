"""Faults put into the `signedin` command: what it shows, and how it ends."""

from tests.mutants.catalogue import parsed

COMMAND = parsed("""
@@ cli/output.py a full standard output is written once more at the end
by tests/cli/test_trouble.py::test_a_full_standard_output_is_one_line_that_says_that_it_was_done[status]
-        _redirect_to_nowhere(sys.stdout)
@@ cli/__init__.py the text of an unexpected exception is shown
by tests/cli/test_trouble.py::test_every_exception_is_one_line_and_a_code
-{type(error).__name__} in {where}
+{error!r} in {where}
@@ cli/output.py letters that cannot be encoded end the command
by tests/cli/test_trouble.py::test_letters_that_standard_output_cannot_encode_are_escaped
-errors="backslashreplace"
+errors="strict"
@@ cli/output.py that standard output is full shows at the interpreter's end
by tests/cli/test_trouble.py::test_a_full_standard_output_is_one_line_that_says_that_it_was_done[status]
-        sys.stdout.flush()
@@ cli/__init__.py the text of --help is left to the interpreter's end
by tests/cli/test_trouble.py::test_a_full_standard_output_is_one_line_that_says_that_it_was_done[--help]
-        output.write("")
@@ cli/output.py a full standard error is written once more at the end
by tests/cli/test_trouble.py::test_a_full_or_closed_standard_error_changes_neither_the_code_nor_the_answer
-        _redirect_to_nowhere(sys.stderr)
+        pass
@@ cli/output.py without a standard error what went wrong goes to standard output
by tests/cli/test_trouble.py::test_a_full_or_closed_standard_error_changes_neither_the_code_nor_the_answer
-    if sys.stderr is None:  # `print` would take standard output in its place
-        return
+    sys.stderr = sys.stderr or sys.stdout
@@ cli/options.py Ctrl-D at the prompt is an unexpected error
by tests/cli/test_trouble.py::test_ctrl_d_at_the_prompt_is_one_line
-    except EOFError:
+    except ZeroDivisionError:
""")
