"""Faults put into the protocol. Most are killed by the model checker, by the check that says what no longer holds."""

# ruff: noqa: E501 -- the code that is replaced stands here as it stands there

from tests.mutants.catalogue import parsed

FLIGHT = parsed("""
@@ _flight.py I1: no check under the lock
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, no faults]
saying I1: a pair that another has just obtained is adopted, not refreshed again
-    record = _check(world, orders)
-    # From
+    record = world.load()
+    # From
@@ _flight.py I1: no lock
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, no faults]
saying I1: without faults each refresh token is sent exactly once
-            if world.try_lock():
+            if world.try_lock() or True:
@@ _flight.py I2: a new attempt id for a token that may be spent
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, a crash]
saying I2: a token is sent again only with the same attempt id
-    journalled = _intend(world, orders, record, record.intent.attempt)
+    journalled = _intend(world, orders, record, world.draw())
@@ _flight.py I2: a doubt is not taken over in one's own name
by tests/auth/test_flight.py::test_who_noted_a_token_that_another_has_taken_over_cannot_take_it_back
saying assert world.record.intent == Intent(
-    journalled = _intend(world, orders, record, record.intent.attempt)
+    journalled = record
@@ _flight.py I2: no journal
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, a crash]
saying I2: a token is sent again only with the same attempt id
-        if not world.compare_and_set(record.revision, journalled):
-            raise _RecordChanged
+        journalled = journalled.at_revision(record.revision - 1)
@@ _flight.py I8: blind save
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, sign-out, one round]
saying I8: after a sign-out there is no active record of that family
-            if current is None or not current.same_generation(record):
+            if current is None:
@@ _flight.py I7: published before it is saved
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, no faults]
saying I7: saved before published
-            if world.compare_and_set(record.revision, fresh):
-                return Landing(fresh, "refreshed")
+            return Landing(fresh, "refreshed")
@@ _flight.py I8: what came after a sign-out is not revoked
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, sign-out, one round]
saying I8: the last pair that
-        world.revoke(pair)  # else
+        pass  # else
@@ _flight.py I10: a lost answer counts as a refusal
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, one fault]
saying I10: DEAD only if the server refused the current generation
-        if isinstance(answer, Refused):
+        if isinstance(answer, Refused | Unknown):
@@ _flight.py I10: blind clear
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[upstream, lease, a stall]
saying I10: DEAD only if the server refused the current generation
-    current = _reload_unchanged(world, orders, record)
-    while not
+    current = world.load()
+    while not
@@ _flight.py I12: DEAD is tried again
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[strict, three hosts, a crash, one round]
saying I12: a session that is over is not landed on
-    elif record.status is Status.DEAD:  # never
+    elif False:  # never
@@ _tokens.py I3: an older pair is put back
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, no faults]
saying I3: the generation never goes back
-(generation, revision, Status.ACTIVE, pair,
+(self.generation - 1, revision, Status.ACTIVE, pair,
@@ _tokens.py I4: the new access token beside the old refresh token
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, no faults]
saying I4: no access token of one generation beside the refresh token of another
-(generation, revision, Status.ACTIVE, pair,
+(generation, revision, Status.ACTIVE, TokenPair(pair.access_token, self.pair.refresh_token),
@@ _flight.py I5: no deadline while another holds the lock
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, lease, a crash, one round]
saying I5: every flight ends within its bound, not after
-        _require_time(world, deadline, wait, "another process holds the refresh lock and has not finished")
@@ _flight.py I11: a new sign-in for every lost answer
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, one fault]
saying I11: with grace, and faults within it, nobody is told to sign in again
-    if orders.on_doubt == "relogin" and orders.grace is None:
+    if True:
@@ _flight.py I9: the tokens of another user are taken
by tests/auth/test_leaving.py::test_the_tokens_of_another_user_are_no_answer_to_a_refresh
-answer = _validated(pair, world.post(pair, record.intent.attempt), same_user=not orders.signs_in)
+answer = world.post(pair, record.intent.attempt)
@@ _flight.py I3: a store that fell behind is believed
by tests/stores/test_file_faults.py::test_an_older_copy_put_back_under_a_running_process_spends_no_token_twice
-    if held is not None and record.generation < held.generation:
+    if False:
@@ _flight.py I2: sent again though the policy says not to
by tests/auth/test_faults.py::test_by_relogin_a_token_in_doubt_is_never_sent_again
-    if orders.on_doubt == "relogin" and orders.grace is None:
+    if False:
@@ _flight.py I2: sent again without end
by tests/auth/test_faults.py::test_a_strict_server_gets_a_token_in_doubt_once_more[in doubt twice]
-            doubtful, in_doubt = doubtful - in_doubt, True
+            in_doubt = True
@@ _flight.py I5: a sending that the deadline would cut
by tests/auth/test_faults.py::test_a_server_that_asks_for_a_long_rest_is_left_alone_so_long[busy for an hour-threads]
-    if world.now().monotonic + wait + orders.timing.post > deadline:
+    if False:
@@ _flight.py I5: a lock left behind by what nobody foresaw
by tests/auth/test_faults.py::test_a_flaw_inside_the_refresh_gives_the_lock_back[threads]
-            finally:  # after a bug too
+            except (AuthError, _Adopted):  # after a bug too
@@ _flight.py I1: a strict server is not given time to answer the first presentation
by tests/auth/test_faults.py::test_a_strict_server_is_given_time_to_answer_the_first_presentation_and_no_longer_than_a_sending
-    while world.now().monotonic < end:
+    while False:
@@ _flight.py I7: a store that is away for a moment costs the new pair
by tests/auth/test_stores.py::test_a_store_that_is_away_for_a_moment_has_the_new_pair_before_anybody_else
-            if world.now().monotonic >= deadline:
-                return Landing
+            if True:
+                return Landing
@@ _flight.py I1: a lock that may have been taken is left behind
by tests/auth/test_flight.py::test_a_lock_that_may_have_been_taken_is_given_back
-            _unlock(world)  # it may be taken, and the answer lost: all hosts would wait for its end
-            raise
+            raise
@@ _flight.py I5: a lock is given back once, heard or not
by tests/auth/test_flight.py::test_a_lock_is_given_back_though_the_first_word_of_it_is_lost
-    for _ in range(2):
-        with
+    for _ in range(1):
+        with
@@ _flight.py I7: a lock that cannot be given back costs the pair
by tests/auth/test_flight.py::test_a_lock_that_cannot_be_given_back_loses_no_pair
-        with contextlib.suppress(TokenStoreError):  # the lease
+        with contextlib.suppress():  # the lease
@@ _flight.py while another holds the lock nobody looks
by tests/auth/test_flight.py::test_while_another_holds_the_lock_what_it_saves_is_adopted
-        wait = min(wait * 1.5, 0.25)
-        _check(world, orders)
+        wait = min(wait * 1.5, 0.25)
@@ _tokens.py I8: a generation begun anew is taken for the old one
by tests/auth/test_flight.py::test_a_sign_in_after_the_record_was_lost_is_not_overwritten
-        return (self.generation, self.family) == (other.generation, other.family)
+        return self.generation == other.generation
@@ _tokens.py I10: another sign-in dies of an answer to the lost one
by tests/auth/test_flight.py::test_a_sign_in_after_the_record_was_lost_does_not_die_of_the_answer_to_the_old_one
-        return (self.generation, self.family) == (other.generation, other.family)
+        return self.generation == other.generation or self.family != other.family
@@ _flight.py a journal entry whose answer was lost is given up
by tests/auth/test_flight.py::test_an_intent_whose_write_was_made_and_not_answered_is_gone_on_with
-        if world.load() != journalled:
+        if True:
@@ _flight.py I2: sent though the journal entry is not there
by tests/auth/test_flight.py::test_an_intent_that_could_not_be_written_means_that_nothing_is_sent
-        if world.load() != journalled:
+        if False:
@@ _flight.py a journal entry of an earlier generation is a doubt
by tests/auth/test_flight.py::test_an_intent_of_an_earlier_generation_is_no_doubt
-    if record.intent is None or record.intent.generation != record.generation:
+    if record.intent is None:
@@ _flight.py I5: a doubt that no flight may end
by tests/auth/test_flight.py::test_a_token_found_in_doubt_is_presented_also_where_nothing_is_sent_twice[5]
-    doubtful = max(int(in_doubt), min(
+    doubtful = max(0, min(
@@ _flight.py I1: in doubt nobody looks what the other process saved
by tests/auth/test_flight.py::test_in_doubt_what_the_other_process_saves_is_adopted_while_it_may_still_be_answered
-        world.sleep(0.25)
-        _reload_unchanged(world, orders, record)
+        world.sleep(0.25)
@@ _flight.py I11: by policy a new sign-in, though there is a grace
by tests/auth/test_flight.py::test_relogin_is_for_a_server_without_grace
-    if orders.on_doubt == "relogin" and orders.grace is None:
+    if orders.on_doubt == "relogin":
@@ _flight.py I8: after a back-off nobody looks who has signed out
by tests/auth/test_flight.py::test_after_a_back_off_nothing_is_sent_for_a_session_that_was_signed_out_meanwhile
-        _reload_unchanged(world, orders, record)  # others may have landed, or signed out (I8), meanwhile
@@ _flight.py I2: the journal says doubt of what was never sent
by tests/auth/test_flight.py::test_a_token_that_was_never_sent_leaves_no_doubt_behind
-    if not in_doubt:  # the server
+    if False:  # the server
@@ _flight.py I2: a store that fell behind has its token sent again
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, lease, the store stays away]
saying I2: a token whose successor is in hand is not sent again
-        newer = held.at_revision(record.revision)
-        if not world.compare_and_set(record.revision, newer):
-            return _check(world, orders)
-        record = newer
+        return record
@@ _flight.py I12: one more try for a token that was refused
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[strict, one fault]
saying I12: DEAD is never retried
-            raise _sign_in_refused(answer.reason) if orders
+            world.post(pair, record.intent.attempt)
+            raise _sign_in_refused(answer.reason) if orders
@@ _flight.py I2: one sending more than the bounds say
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, one host, four faults]
saying I2: a flight sends boundedly often
-    for count in range(resends + 1):
+    for count in range(resends + 2):
@@ _tokens.py I3: a journal entry that no compare-and-set sees
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, no faults]
saying I3: every write has a higher revision
-        return self._replace(revision=self.revision + 1, intent=intent)
+        return self._replace(intent=intent)
@@ _flight.py I3: who was overtaken saves on top
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, lease, a stall, one comes later]
saying I3: an older pair never replaces a newer one
-            if current is None or not current.same_generation(record):
-                return _overtaken(world, record, current, answer.pair)
+            if current is None or current.status is not Status.ACTIVE:
+                return _overtaken(world, record, current, answer.pair)
+            fresh = fresh._replace(generation=current.generation + 1)
@@ _tokens.py I9: who signed in since is taken for the user before
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, the record is lost to another user, one round]
saying I9: the pair of who has signed in since is not replaced by one of the user before
-        return (self.generation, self.family) == (other.generation, other.family)
+        return self.generation == other.generation
@@ _flight.py I11: who was overtaken ends the session
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, lease, a stall and a fault, one round]
saying I11: with grace, and faults within it, no family is revoked
-    if current is None or current.status is not Status.ACTIVE or current.family != record.family:
+    if True:
@@ _flight.py I16: the very pair that was refused is landed on
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, no faults]
saying I16: nobody lands on a pair that is not newer than the one refused
-    rejected = record.generation == orders.rejected and
+    rejected = record.generation is None and
@@ _flight.py I8: what came too late is not revoked where another has signed in
by tests/model/test_model.py::test_every_interleaving_keeps_the_invariants[grace, another user signs in, one round]
saying I8: a pair that came too late to be kept is revoked
-    if current is None or current.status is not Status.ACTIVE or current.family != record.family:
+    if current is None or current.status is not Status.ACTIVE:
@@ _flight.py I5: what a user's store raises goes through the flight
by tests/auth/test_faults.py::test_a_store_that_ends_its_thread_leaves_a_session_that_goes_on
-        except BaseException as error:
-            raise TokenStoreError(
+        except LookupError as error:
+            raise TokenStoreError(
""")
