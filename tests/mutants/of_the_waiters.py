"""Faults put into what stands below a session: windows, setbacks, promises, threads, subscribers."""

from tests.mutants.catalogue import parsed

WAITERS = parsed("""
@@ _threads.py I5: waiters without a bound
by tests/auth/test_expiry.py::test_a_waiter_ends_within_its_patience_and_the_refresh_goes_on[asyncio]
-sys.modules["asyncio"].timeout(seconds):
+sys.modules["asyncio"].timeout(None):
@@ _held.py I13: every waiter of a failed refresh tries again
by tests/auth/test_windows.py::test_during_an_outage_attempts_do_not_depend_on_the_number_of_callers
-        self._rest_until = self._clock.monotonic() + rest
@@ _threads.py I6: who is interrupted takes along what all wait for
by tests/auth/test_interrupts.py::test_a_shared_job_that_ctrl_c_ended_is_run_by_the_next_caller
-            self._jobs.append(job)
+            pass
@@ _threads.py I5: threads wait without a bound
by tests/auth/test_expiry.py::test_a_waiter_ends_within_its_patience_and_the_refresh_goes_on[threads]
-        done.acquire(timeout=min(patience, threading.TIMEOUT_MAX))
+        done.acquire()
@@ _threads.py I5: trio tasks wait without a bound
by tests/auth/test_expiry.py::test_a_waiter_ends_within_its_patience_and_the_refresh_goes_on[trio]
-sys.modules["trio"].move_on_after(seconds):
+sys.modules["trio"].move_on_after(1e6):
@@ _threads.py I7: the process ends before the pair is saved
by tests/auth/test_processes.py::test_a_process_that_ends_during_a_refresh_keeps_the_new_pair
-daemon=False
+daemon=True
@@ _held.py a pair that arrives near its end is replaced before it is sent
by tests/auth/test_windows.py::test_a_token_that_arrives_expired_is_sent_all_the_same[threads]
-if remaining is None or (refreshed and remaining <= soft):
+if remaining is None:
@@ _events.py a subscriber's error ends the events
by tests/auth/test_events.py::test_a_subscriber_that_raises_harms_nobody
-                except (Exception, SystemExit):
+                except KeyError:
@@ _events.py a forked child waits for its parent's subscribers
by tests/auth/test_processes.py::test_a_child_forked_while_an_event_is_told_tells_its_own
-        self._delivering = threading.Lock()
-        self._backlog.clear()
+        pass
@@ _held.py a refused token is handed out to new calls
by tests/auth/test_windows.py::test_a_refused_token_is_not_sent_again_while_its_refresh_is_under_way[threads]
-self.refused, self.soft_at, self.hard_at = True, -math.inf, -math.inf
+self.refused = True
@@ _threads.py a refresh that Ctrl-C kept from beginning never begins
by tests/auth/test_leaving.py::test_a_refresh_that_ctrl_c_kept_from_beginning_is_begun_by_the_next_caller
-        if self._begun:
-            return
+        if self._begun:
+            return
+        self._begun = True
@@ _threads.py an interrupt leaves the rest of the waiters asleep
by tests/auth/test_interrupts.py::test_ctrl_c_while_a_promise_is_kept_wakes_all_who_wait_for_it
-            for callback in list(self._callbacks):
-                callback()
-            raise
-
+            raise
@@ _threads.py who comes as the promise is kept sleeps on
by tests/auth/test_interrupts.py::test_a_promise_that_is_kept_already_calls_back_at_once
-        if self.done():  # whoever
+        if False:  # whoever
@@ _threads.py an error of one for all its waiters
by tests/auth/test_expiry.py::test_one_failed_refresh_is_one_failure_for_all_its_waiters
-            raise error.again() from error.__cause__
+            raise error
@@ _threads.py a session is closed for ever
by tests/auth/test_leaving.py::test_a_closed_session_may_be_used_again[threads]
-            self.closing = Signal()
-
+            pass
@@ _events.py a subscriber that ends its thread ends the events
by tests/auth/test_events.py::test_a_subscriber_that_raises_harms_nobody[threads-SystemExit]
-                except (Exception, SystemExit):
+                except Exception:
@@ _events.py an async callback is never awaited
by tests/auth/test_events.py::test_an_async_callback_is_refused[threads]
-        if inspect.iscoroutinefunction(callback) or
+        if
@@ _events.py an object with an async call is never awaited
by tests/auth/test_events.py::test_an_async_callback_is_refused[threads]
-        if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(type(callback).__call__):
+        if inspect.iscoroutinefunction(callback):
@@ _events.py events of a callback that hangs pile up
by tests/auth/test_events.py::test_a_callback_that_never_returns_keeps_no_more_than_the_backlog
-deque(maxlen=_BACKLOG)
+deque()
@@ _events.py two threads call back at once
by tests/auth/test_events.py::test_events_that_happen_during_a_callback_follow_it_in_their_order
-self._delivering.acquire(blocking=False)
+(self._delivering.acquire(blocking=False) or True)
@@ _events.py an event that nobody has is subscribed to
by tests/auth/test_events.py::test_an_unknown_event_is_refused_by_name
-        if name not in get_args(EventName):
+        if False:
@@ _held.py a refusal counts towards a loop although the server had taken the token
by tests/auth/test_expiry.py::test_a_token_accepted_at_last_may_be_refreshed_at_once[threads]
-        if replaced is not None and replaced.accepted:
-            self._unproven.clear()
-        elif
+        if
@@ timing.py a token of a second is replaced within its second
by tests/auth/test_windows.py::test_tokens_of_a_second_cost_one_refresh_a_second_and_no_round_trip_in_vain[threads]
-    return max(0.0, lifetime - 1.0)
+    return lifetime
@@ _threads.py what was waited for remembers every waiter
by tests/auth/test_interrupts.py::test_who_has_waited_leaves_nothing_behind
-            promise.discard_callback(release)
-
+            pass
+
@@ _threads.py a signal handler waits for a lock of the store that its own thread holds
by tests/auth/test_leaving.py::test_a_sign_out_from_a_signal_handler_waits_for_no_lock_of_the_store[sign_in]
-        if threading.get_ident() != threading.main_thread().ident:
+        if True:
""")
