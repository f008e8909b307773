"""Faults put into the options, attempts, retries and log lines of calls."""

# ruff: noqa: E501 -- the code that is replaced stands here as it stands there

from tests.mutants.catalogue import parsed

CALLS = parsed("""
@@ _call.py a 5xx of a POST is retried
by tests/auth/test_retries.py::test_where_it_may_have_been_done_only_what_can_be_done_twice_is_retried
-(idempotent and outcome.status_code in _DOUBTFUL)
+outcome.status_code in _DOUBTFUL
@@ _call.py a lost answer to a POST is retried
by tests/auth/test_retries.py::test_where_it_may_have_been_done_only_what_can_be_done_twice_is_retried
-(idempotent and isinstance(outcome, _LOST))
+isinstance(outcome, _LOST)
@@ _call.py a POST that was not sent is not retried
by tests/auth/test_retries.py::test_where_nothing_was_done_every_method_is_retried
-isinstance(outcome, _NOT_SENT) or
+(idempotent and isinstance(outcome, _NOT_SENT)) or
@@ _call.py a key does not make a call safe to retry
by tests/auth/test_retries.py::test_with_an_idempotency_key_every_method_is_retried_with_the_same_key
- in _IDEMPOTENT or self._has_key()
+ in _IDEMPOTENT
@@ _call.py a one-shot body is retried
by tests/auth/test_retries.py::test_a_body_that_can_be_sent_only_once_is_sent_once[threads]
-or self._rewind is None:
+or False:
@@ _call.py a file is not put back before a retry
by tests/auth/test_retries.py::test_a_file_is_sent_again_from_where_it_stood
-        self._rewind()
@@ _call.py a redirected POST is retried
by tests/auth/test_retries.py::test_a_post_that_was_redirected_is_not_sent_twice[threads-429]
-return not outcome.history
+return True
@@ _call.py a POST whose redirect failed is retried
by tests/auth/test_retries.py::test_a_post_that_was_redirected_is_not_sent_twice[threads-connect error]
-if not self._sender.http.follow_redirects:
+if True:
@@ _call.py a year is waited for
by tests/auth/test_retries.py::test_more_than_a_minute_is_not_waited_for_and_the_error_says_how_long[threads-busy for an hour-3600]
-wanted > _LONGEST_WAIT:
+wanted > 1e9:
@@ _answers.py an absurd Retry-After is believed
by tests/auth/test_retries.py::test_a_time_that_a_server_asks_for_is_bounded_and_garbage_is_none
-yield min(float(value) * unit, _YEAR)
+yield float(value) * unit
@@ _answers.py a date is taken by the local clock
by tests/auth/test_retries.py::test_a_time_that_a_server_asks_for_is_bounded_and_garbage_is_none
-now if server is None else server
+now
@@ timing.py a pause is shorter than the server asked
by tests/auth/test_retries.py::test_the_time_that_the_server_asks_for_is_waited_out[threads]
-return max(own, (asked or 0.0) * (1 + JITTER * chance))
+return own
@@ _call.py no budget bounds the retries
by tests/auth/test_retries.py::test_a_total_outage_is_met_with_at_most_a_tenth_more_requests[threads]
-        self.tokens -= 1.0
@@ _call.py the budget is never earned back
by tests/auth/test_retries.py::test_calls_that_work_bring_retries_back[threads]
-            sender.budget.earn()
+            pass
@@ _call.py a cancelled caller's pause goes on
by tests/auth/test_retries.py::test_a_call_that_is_cancelled_in_a_pause_leaves_nothing_behind[asyncio]
-        over.set()
+        pass
@@ _call.py a pause outlives its client
by tests/auth/test_retries.py::test_a_pause_ends_with_its_client_and_the_outcome_is_the_callers[threads]
-if pause is None or not self.clock.sleep(
+if pause is None or self.clock.sleep(
@@ _call.py a pause outlasts the deadline
by tests/auth/test_options.py::test_a_deadline_is_over_all_attempts_and_bounds_the_timeouts_of_each[threads]
-pause >= self._left():
+False:
@@ _call.py timeouts do not shrink with the deadline
by tests/auth/test_options.py::test_a_deadline_is_over_all_attempts_and_bounds_the_timeouts_of_each[threads]
-return left if bound is None else min(bound, left)
+return bound
@@ _call.py a body may drip for ever
by tests/auth/test_options.py::test_a_deadline_ends_an_answer_that_never_ends[threads]
-if self._request.extensions["timeout"].left() <= 0:
+if self._request.extensions["timeout"].left() <= -5:
@@ _call.py an async body may drip for ever
by tests/auth/test_options.py::test_a_deadline_ends_an_answer_that_never_ends[asyncio]
-async with at_most(seconds):
+async with at_most(1e6):
@@ auth.py a call waits for a refresh beyond its own timeout
by tests/auth/test_options.py::test_a_wait_for_a_refresh_is_bounded_and_the_refresh_goes_on[threads-options0]
-if patience is None else min(patience, renewal.timing.waiter)
@@ _options.py a timeout that is not finite
by tests/auth/test_options.py::test_what_cannot_work_is_refused_at_with_options_and_not_quoted[{'timeout': nan}-client]
-return seconds is None or 0 < seconds <= threading.TIMEOUT_MAX
+return seconds is None or not seconds <= 0
@@ _options.py True is a number of retries
by tests/auth/test_options.py::test_what_cannot_work_is_refused_at_with_options_and_not_quoted[{'max_retries': True}-client]
-type(max_retries) is not int
+not isinstance(max_retries, int)
@@ _options.py a newline in a header
by tests/auth/test_options.py::test_what_cannot_work_is_refused_at_with_options_and_not_quoted
-\\n-\\x1f
+\\x0e-\\x1f
@@ _options.py an empty idempotency key
by tests/auth/test_options.py::test_what_cannot_work_is_refused_at_with_options_and_not_quoted[{'idempotency_key': ''}-client]
-if not (encoded and encoded.strip()):
+if encoded is None:
@@ client.py the resources of a view are those of its client
by tests/auth/test_options.py::test_a_subclass_keeps_its_attributes_in_a_view
- if name not in self._described}
+}
@@ _call.py a request id of any length in the log
by tests/auth/test_logging.py::test_a_line_has_the_request_id_and_nothing_that_was_sent[threads]
-"-")[:100]
+"-")
@@ _options.py a handler for each client
by tests/auth/test_logging.py::test_the_environment_sets_the_log_up_once
-if not any(isinstance(handler, _Handler) for handler in logger.handlers):
+if True:
""")
