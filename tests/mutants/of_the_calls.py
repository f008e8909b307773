"""Faults put into the options, attempts, retries and log lines of calls."""

# ruff: noqa: E501 -- the code that is replaced stands here as it stands there

from tests.mutants.catalogue import Mutant

OPTIONS = "tests/auth/test_options.py::"
RETRIES = "tests/auth/test_retries.py::"
REFUSED = f"{OPTIONS}test_what_cannot_work_is_refused_at_with_options_and_not_quoted"

_FAULTS = (
    # what may be retried
    ("a 5xx of a POST is retried", "_retries.py", "(idempotent and outcome.status_code in _DOUBTFUL)", "outcome.status_code in _DOUBTFUL", f"{RETRIES}test_where_it_may_have_been_done_only_what_can_be_done_twice_is_retried"),
    ("a lost answer to a POST is retried", "_retries.py", "(idempotent and isinstance(outcome, _LOST))", "isinstance(outcome, _LOST)", f"{RETRIES}test_where_it_may_have_been_done_only_what_can_be_done_twice_is_retried"),
    ("a POST that was not sent is not retried", "_retries.py", "isinstance(outcome, _NOT_SENT) or", "(idempotent and isinstance(outcome, _NOT_SENT)) or", f"{RETRIES}test_where_nothing_was_done_every_method_is_retried"),
    ("a key does not make a call safe to retry", "_call.py", "is_idempotent(self._call.operation.method) or self._has_key()", "is_idempotent(self._call.operation.method)", f"{RETRIES}test_with_an_idempotency_key_every_method_is_retried_with_the_same_key"),
    ("a one-shot body is retried", "_call.py", "or self._rewind is None:", "or False:", f"{RETRIES}test_a_body_that_can_be_sent_only_once_is_sent_once[threads]"),
    ("a file is not put back before a retry", "_call.py", "        self._rewind()\n", "", f"{RETRIES}test_a_file_is_sent_again_from_where_it_stood"),
    ("a redirected POST is retried", "_call.py", "return not outcome.history", "return True", f"{RETRIES}test_a_post_that_was_redirected_is_not_sent_twice[threads-429]"),
    ("a POST whose redirect failed is retried", "_call.py", "if not self._sender.http.follow_redirects:", "if True:", f"{RETRIES}test_a_post_that_was_redirected_is_not_sent_twice[threads-connect error]"),
    # how long, how often
    ("a year is waited for", "_call.py", "asked > LONGEST_WAIT:", "asked > 1e9:", f"{RETRIES}test_more_than_a_minute_is_not_waited_for_and_the_error_says_how_long[threads-busy for an hour-3600]"),
    ("an absurd Retry-After is believed", "_retries.py", "yield min(float(value) * unit, _YEAR)", "yield float(value) * unit", f"{RETRIES}test_a_time_that_a_server_asks_for_is_bounded_and_garbage_is_none"),
    ("a date is taken by the local clock", "_retries.py", "now if server is None else server", "now", f"{RETRIES}test_a_time_that_a_server_asks_for_is_bounded_and_garbage_is_none"),
    ("a pause is shorter than the server asked", "timing.py", "return max(own, (asked or 0.0) * (1 + JITTER * chance))", "return own", f"{RETRIES}test_the_time_that_the_server_asks_for_is_waited_out[threads]"),
    ("no budget bounds the retries", "_retries.py", "        self.tokens -= 1.0\n", "", f"{RETRIES}test_a_total_outage_is_met_with_at_most_a_tenth_more_requests[threads]"),
    ("the budget is never earned back", "_call.py", "            sender.budget.earn()\n", "            pass\n", f"{RETRIES}test_calls_that_work_bring_retries_back[threads]"),
    ("a cancelled caller's pause goes on", "_call.py", "        over.set()\n", "        pass\n", f"{RETRIES}test_a_call_that_is_cancelled_in_a_pause_leaves_nothing_behind[asyncio]"),
    ("a pause outlives its client", "_call.py", "if pause is None or not self.clock.sleep(", "if pause is None or self.clock.sleep(", f"{RETRIES}test_a_pause_ends_with_its_client_and_the_outcome_is_the_callers[threads]"),
    # deadline and timeout
    ("a pause outlasts the deadline", "_call.py", "pause >= self._left():", "False:", f"{OPTIONS}test_a_deadline_is_over_all_attempts_and_bounds_the_timeouts_of_each[threads]"),
    ("timeouts do not shrink with the deadline", "_call.py", "return left if bound is None else min(bound, left)", "return bound", f"{OPTIONS}test_a_deadline_is_over_all_attempts_and_bounds_the_timeouts_of_each[threads]"),
    ("a body may drip for ever", "_call.py", 'if self._request.extensions["timeout"].left() <= 0:', 'if self._request.extensions["timeout"].left() <= -5:', f"{OPTIONS}test_a_deadline_ends_an_answer_that_never_ends[threads]"),
    ("an async body may drip for ever", "_call.py", "async with asyncio.timeout(seconds):", "async with asyncio.timeout(None):", f"{OPTIONS}test_a_deadline_ends_an_answer_that_never_ends[asyncio]"),
    ("a call waits for a refresh beyond its own timeout", "auth.py", "if patience is None else min(patience, renewal.timing.waiter)", "", f"{OPTIONS}test_a_wait_for_a_refresh_is_bounded_and_the_refresh_goes_on[threads-options0]"),
    # options
    ("a timeout that is not finite", "_options.py", "return seconds is None or 0 < seconds <= threading.TIMEOUT_MAX", "return seconds is None or not seconds <= 0", f"{REFUSED}[{{'timeout': nan}}-client]"),
    ("True is a number of retries", "_options.py", "type(max_retries) is not int", "not isinstance(max_retries, int)", f"{REFUSED}[{{'max_retries': True}}-client]"),
    ("a newline in a header", "_options.py", r"\n-\x1f", r"\x0e-\x1f", REFUSED),
    ("an empty idempotency key", "_options.py", "if not (encoded and encoded.strip()):", "if encoded is None:", f"{REFUSED}[{{'idempotency_key': ''}}-client]"),
    ("the resources of a view are those of its client", "client.py", " if name not in self._described}", "}", f"{OPTIONS}test_a_subclass_keeps_its_attributes_in_a_view"),
    # log
    ("a request id of any length in the log", "_call.py", '"-")[:100]', '"-")', "tests/auth/test_logging.py::test_a_line_has_the_request_id_and_nothing_that_was_sent[threads]"),
    ("a handler for each client", "_options.py", "if not any(isinstance(handler, _Handler) for handler in logger.handlers):", "if True:", "tests/auth/test_logging.py::test_the_environment_sets_the_log_up_once"),
)  # fmt: skip

CALLS = tuple(Mutant("", *fault) for fault in _FAULTS)
