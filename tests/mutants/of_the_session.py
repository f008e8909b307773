"""Faults put into the session: the pair in hand, who waits for which refresh, and what came of it."""

# ruff: noqa: E501 -- the code that is replaced stands here as it stands there

from tests.mutants.catalogue import parsed

SESSION = parsed("""
@@ _renewal.py I6: the leader flies the refresh itself
by tests/auth/test_cancelling.py::test_cancelling_the_leader_disturbs_no_waiter[asyncio]
-            flight.begin(self.threads)
+            flight.run()
@@ _renewal.py I14: a background refresh for each caller in an outage
by tests/auth/test_windows.py::test_a_failed_background_refresh_is_nobodys_trouble_while_the_token_lives[threads]
-self._forked or self._setbacks.rest() or
+self._forked or
@@ _renewal.py I15: a forked child refreshes its parent's pair
by tests/auth/test_processes.py::test_a_forked_child_refreshes_only_what_it_shares
-            if self.held is not None and self.held.record.claims.exp is not None:
-                self.held = None
@@ _renewal.py I15: a forked child refreshes the pair of a store that it does not share
by tests/auth/test_windows.py::test_a_forked_child_refreshes_no_pair_of_a_store_that_it_does_not_share
-            self._forked = self.held is not None
+            pass
@@ _renewal.py I15: a forked child refreshes its parent's opaque token
by tests/auth/test_processes.py::test_an_opaque_token_in_memory_serves_a_forked_child_until_it_is_refused
-            self._forked = self.held is not None
@@ _renewal.py a signal handler waits for the lock that its own thread holds
by tests/auth/test_leaving.py::test_a_sign_out_from_a_signal_handler_while_a_refresh_begins_hangs_nobody[_setbacks-rest]
-        self._lock = threading.RLock()  # a signal
+        self._lock = threading.Lock()  # a signal
@@ _renewal.py an end is told at every further call
by tests/auth/test_events.py::test_an_end_is_an_event_once_and_not_at_every_further_call[threads]
-            if self.held is not None or not self._setbacks.ended_by(error):
+            if True:
@@ _renewal.py I1: tokens compared as strings
by tests/auth/test_windows.py::test_late_401_with_an_identical_token_does_not_refresh_again
-            if held is not None and not held.record.same_generation(rejected.record):
+            if held is not None and held.header != rejected.header:
@@ _renewal.py I1: a late 401 refreshes again
by tests/auth/test_expiry.py::test_late_401_does_not_refresh_again[threads]
-            if held is not None and not held.record.same_generation(rejected.record):
+            if False:
@@ _renewal.py no end of a loop
by tests/auth/test_expiry.py::test_over_several_requests_the_loop_is_stopped[threads]
-            self._setbacks.refuse_to_loop(pair, self.windows.clock_offset)
+            pass
@@ _renewal.py I8: a refresh lands after the sign-out
by tests/auth/test_leaving.py::test_a_sign_out_between_the_storing_and_the_publishing_of_a_refresh_wins
-            if self._flight is not flight:
-                return
-            replaced, self._flight
+            replaced, self._flight
@@ _renewal.py I8: a sign-out wakes nobody
by tests/auth/test_leaving.py::test_logout_during_a_refresh_wakes_every_waiter_at_once_and_revokes_the_late_pair
-        if flight is not None:
-            flight.set_error(NotSignedInError("Signed out
+        if False:
+            flight.set_error(NotSignedInError("Signed out
@@ _renewal.py I4: the new record under the old header
by tests/auth/test_expiry.py::test_an_expired_token_is_refreshed_and_the_request_replayed
-            self.held = held = self.windows.hold(record, refreshed=refreshed)
+            held = self.windows.hold(record, refreshed=refreshed)
+            if replaced is not None:
+                held.header = replaced.header
+            self.held = held
@@ _renewal.py I7: closing waits for nothing
by tests/auth/test_leaving.py::test_close_waits_for_a_refresh_that_is_under_way
-            self.threads.join(self.timing.flight)
+            pass
@@ _renewal.py I3: after a deleted store the generation begins anew
by tests/auth/test_file_store.py::test_a_deleted_file_is_written_anew_by_the_next_sign_in
-max(self._latest, *(r.generation for r in records), 0) + 1
+(current.generation if current else 0) + 1
@@ timing.py I11: bounds that overrun the server's grace
by tests/auth/test_bad_input.py::test_bounds_are_shortened_to_fit_a_grace_which_counts_for_nothing_where_it_is_too_short
-        if share >= 1:
+        if True:
@@ _tokens.py a pair is pickled
by tests/auth/test_secrecy.py::test_a_pair_shows_and_pickles_nothing
-    def __reduce__(self)
+    def _not_reduced(self)
@@ _tokens.py a token that no header can carry
by tests/auth/test_secrecy.py::test_a_token_that_no_header_can_carry_is_refused_unquoted
- and _TOKEN.fullmatch(value) is not None
+
@@ _renewal.py a forked child keeps its parent's threads
by tests/auth/test_processes.py::test_a_child_forked_while_the_session_is_closed_waits_for_its_refreshes_all_the_same
-        self.threads.after_fork()
@@ _renewal.py I14: a rest that was cut counts as a new failure
by tests/auth/test_faults.py::test_a_call_too_impatient_for_the_rest_says_when_the_next_attempt_is_due[asyncio]
-            elif isinstance(error, AuthError) and not self._setbacks.rest():
+            elif isinstance(error, AuthError):
@@ _renewal.py a refresh ahead of need fails the body that is sent once
by tests/auth/test_replay.py::test_a_usable_token_serves_a_generator_body_whose_own_refresh_fails[threads]
-or_else(flight, held, self._monotonic) if one_shot and flight
+flight if one_shot and flight
@@ _renewal.py a loop of refreshes ahead of need
by tests/auth/test_windows.py::test_in_the_soft_window_a_loop_is_no_trouble_for_a_usable_token[threads]
- or self._setbacks.loops(held) or no_more_threads()
+ or no_more_threads()
@@ _renewal.py a token that is refreshed by hand serves nobody meanwhile
by tests/auth/test_windows.py::test_a_token_that_is_refreshed_by_hand_serves_meanwhile[threads]
-if pair is not None and reason == "rejected":
+if pair is not None:
@@ _renewal.py I1: a pair past its end answers a late refusal
by tests/auth/test_windows.py::test_a_late_refusal_is_answered_by_no_pair_that_is_past_its_end_too[threads]
-                if self._monotonic() < held.hard_at:
-                    return held
+                return held
@@ _renewal.py I13: a look at the store for each 401
by tests/auth/test_refusals.py::test_a_401_that_does_not_speak_of_the_token_is_the_callers_answer_after_one_look_at_the_store[threads-None]
-                if self._look is None or self._look[0] is not held:
+                if True:
@@ _renewal.py a store that fails hides the server's 401
by tests/auth/test_stores.py::test_a_store_that_cannot_be_read_leaves_a_401_to_the_caller[threads]
-with contextlib.suppress(Exception):  # of the store
+with contextlib.suppress(KeyError):  # of the store
@@ _renewal.py nobody looks at the store where no thread can be started
by tests/auth/test_refusals.py::test_a_401_is_the_callers_answer_where_no_thread_can_look_at_the_store[threads]
-                flight.run()  # a look
+                pass  # a look
@@ _renewal.py I3: what the store has still replaces what it could not take
by tests/auth/test_unsaved.py::test_what_the_store_still_has_is_not_taken_in_its_place
- and stored.generation <= held.record.generation
+ and False
@@ _renewal.py I8: a pair that was read before a sign-out is taken
by tests/auth/test_leaving.py::test_a_pair_that_was_read_before_a_sign_out_is_not_taken
-behind = stored is not None and stored.generation < self._latest
+behind = False
@@ _renewal.py an end that was read before a new sign-in ends it
by tests/auth/test_leaving.py::test_an_end_that_was_read_before_a_new_sign_in_ends_nothing
-            if held is not since or behind:
+            if behind:
@@ _renewal.py I7: closing leaves a pair unsaved
by tests/auth/test_unsaved.py::test_it_is_written_by_close[threads]
-                self.threads.call(self.save)
-
+                pass
+
@@ _renewal.py I7: nobody writes an unsaved pair later
by tests/auth/test_unsaved.py::test_it_is_written_in_the_background
-self.threads.start(partial(self._save_later, record))
+pass
@@ _renewal.py I8: a pair that was never stored outlives the sign-out elsewhere
by tests/auth/test_unsaved.py::test_it_is_revoked_where_somebody_signed_out_meanwhile[close]
-            self._revoke(record.pair)  # signed out, or in
+            pass  # signed out, or in
@@ _renewal.py I8: a pair that was never stored is forgotten with the session
by tests/auth/test_unsaved.py::test_it_is_revoked_where_somebody_signed_out_meanwhile[refresh]
-        self.held = None  # what
+        self.held = self._unsaved = None  # what
@@ _renewal.py I8: a pair that was never stored is forgotten for one of another sign-in
by tests/auth/test_unsaved.py::test_it_is_revoked_where_somebody_signed_in_meanwhile[refresh]
-            elif self._unsaved is not None and self._unsaved.family == record.family:
+            else:
@@ _renewal.py I11: a pair that the session has gone on from is revoked
by tests/auth/test_unsaved.py::test_it_is_not_revoked_where_the_session_went_on_from_it
-        if not same and record.pair
+        if record.pair
@@ _renewal.py signing out revokes the pair that the store has, not the newest
by tests/auth/test_unsaved.py::test_signing_out_revokes_it
-newest_pair(before, gone)
+newest_pair(before)
@@ _renewal.py a sign-in that cannot be stored stays alive at the server
by tests/auth/test_stores.py::test_a_pair_that_cannot_be_stored_is_not_taken[threads]
-            if replaces:
-                self._revoke(pair)
@@ _renewal.py the pair before a sign-in stays alive at the server
by tests/auth/test_bearer.py::test_a_second_login_revokes_the_pair_of_the_first[threads]
-        if replaces and replaced
+        if not replaces and replaced
@@ _renewal.py a pair that is replaced by hand is revoked
by tests/auth/test_bearer.py::test_a_pair_that_is_replaced_by_hand_is_not_revoked[threads]
-        if replaces and replaced
+        if replaced
@@ _renewal.py a failing refresh of the old pair ends a new session
by tests/auth/test_leaving.py::test_a_sign_in_between_the_refusal_and_the_publishing_of_a_refresh_stays
-            if self._flight is not flight:
-                return
-            self._flight = None
-            if isinstance
+            self._flight = None
+            if isinstance
@@ _renewal.py I3: a sign-in that is published late replaces a newer pair
by tests/auth/test_leaving.py::test_a_sign_in_that_is_published_late_replaces_no_newer_pair
-            if record.generation < self._latest or (
+            if False and (
@@ _renewal.py I9: of two sign-ins the one stored first is in hand
by tests/auth/test_leaving.py::test_of_two_sign_ins_at_once_the_one_stored_last_is_in_hand
-            if record.generation < self._latest or (
+            if (
@@ _renewal.py a sign-out forgets who signed in after it
by tests/auth/test_leaving.py::test_a_sign_in_between_the_clearing_and_the_forgetting_of_a_sign_out_stays
-            if ended is None or ended.generation >= self._latest:
+            if True:
@@ _renewal.py an opaque token in memory serves no forked child
by tests/auth/test_processes.py::test_an_opaque_token_in_memory_serves_a_forked_child_until_it_is_refused
-            if self.held is not None and self.held.record.claims.exp is not None:
+            if self.held is not None:
@@ session.py anything is taken for a store
by tests/auth/test_bad_input.py::test_what_is_no_store_is_refused_when_the_client_or_session_is_made[object-session]
-    if missing := [
+    if [] and [
@@ session.py a class is taken for a store
by tests/auth/test_bad_input.py::test_what_is_no_store_is_refused_when_the_client_or_session_is_made[class-session]
-    if isinstance(store, type):
+    if False:
@@ session.py a hook that raises in a forked child hinders the others
by tests/auth/test_processes.py::test_a_hook_that_raises_in_a_forked_child_hinders_no_other
-                with contextlib.suppress(Exception):
-                    after_fork()
+                after_fork()
@@ _tokens.py a pair shows its access token
by tests/auth/test_secrecy.py::test_a_pair_shows_and_pickles_nothing
-access_token=<hidden>
+access_token={self.access_token}
@@ _tokens.py a pair shows its refresh token
by tests/auth/test_secrecy.py::test_a_pair_shows_and_pickles_nothing
-refresh_token=<hidden>
+refresh_token={self.refresh_token}
@@ _tokens.py the pair in hand shows its header
by tests/auth/test_secrecy.py::test_the_values_of_a_flight_show_no_token
-return f"<Held generation={self.record.generation}>"
+return f"<Held {self.header}>"
@@ protocols.py what a store has shows its bytes
by tests/auth/test_stores.py::TestMemoryStore::test_its_repr_shows_no_token
-    data: bytes = field(repr=False)
+    data: bytes = field()
""")
