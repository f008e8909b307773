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
@@ cli/prompts.py Ctrl-D at the prompt is an unexpected error
by tests/cli/test_trouble.py::test_ctrl_d_at_the_prompt_is_one_line
-    except EOFError:
+    except ZeroDivisionError:
@@ cli/signing_in.py a password among the arguments is sent
by tests/cli/test_cli.py::test_a_password_among_the_arguments_is_refused_and_not_echoed
-        if is_secret(name):
+        if not name:
@@ cli/status.py another user's tokens are shown under the account of the last sign-in
by tests/cli/test_clients.py::test_the_account_is_not_shown_for_another_users_tokens
-"account": account.name if same else None
+"account": account.name
@@ cli/calls.py a token near its end is written as it is
by tests/cli/test_clients.py::test_token_is_one_line_and_is_refreshed_near_its_end
-        if pair is None or due == 0.0:
+        if pair is None:
@@ testing/_disguise.py values that were seen are left in free text
by tests/testing/test_cassettes.py::test_nothing_secret_is_written_wherever_the_contract_puts_it
-                text = text.replace(encode(real), encode(self._fakes[real]))
+                pass
@@ testing/_disguise.py a name on the contract's list is no secret
by tests/testing/test_cassettes.py::test_nothing_secret_is_written_wherever_the_contract_puts_it
-        if name in self.properties or _TOKEN_NAME
+        if _TOKEN_NAME
@@ testing/_disguise.py claims of a token are written as they are
by tests/testing/test_cassettes.py::test_nothing_secret_is_written_wherever_the_contract_puts_it
-        return jwt({**fakes, "jti": name})
+        return jwt({**claims, **fakes, "jti": name})
@@ testing/_disguise.py a fake is told by its shape alone
by tests/testing/test_cassettes.py::test_fakes_are_fakes_byte_for_byte
-    if claims is None or text != jwt(claims):
+    if claims is None:
@@ testing/cassettes.py what looks like a secret is written all the same
by tests/testing/test_cassettes.py::test_what_slips_through_stops_the_recording
-        return None if what else (request, response)
+        problems.clear(); return (request, response)
@@ testing/cassettes.py a replay may reach the network
by tests/cassettes/test_replay.py::test_network_is_blocked_meanwhile
-                stack.enter_context(blocking_context())
+                pass
""")
