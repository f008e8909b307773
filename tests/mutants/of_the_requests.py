"""Faults put into what is done with one request and its answer, and into the clients."""

# ruff: noqa: E501 -- the code that is replaced stands here as it stands there

from tests.mutants.catalogue import parsed

REQUESTS = parsed("""
@@ _plan.py I9: replayed as whoever is signed in now
by tests/auth/test_replay.py::test_a_replay_is_sent_as_the_same_user_only
- and newer.record.same_user(sent.record)
@@ _plan.py I9: leaves as whoever is signed in now
by tests/auth/test_refusals.py::test_a_request_leaves_with_no_other_pair_than_a_good_one_of_its_own_user
- and current.record.same_user(held.record):
+:
@@ _plan.py I9: waits as one user and is sent as another
by tests/auth/test_leaving.py::test_a_request_that_waits_for_a_token_as_one_user_is_not_sent_as_another[threads]
-        if held is not begun and not held.record.same_user(begun.record):
+        if False:
@@ _plan.py I16: sent again without a newer pair
by tests/auth/test_replay.py::test_without_a_newer_pair_nothing_is_sent_again
-    if rewind is not None and not newer.same_pair(sent) and
+    if rewind is not None and
@@ _plan.py I16: a body that is gone is sent again
by tests/auth/test_replay.py::test_a_generator_body_refused_is_not_sent_again_but_refreshed_for[threads]
-    for source in vars(stream).values():
+    return _nothing
+    for source in vars(stream).values():
@@ _plan.py I16: a file is not put back before the replay
by tests/auth/test_replay.py::test_a_file_in_memory_is_replayed_from_where_it_stood
-        rewind()
@@ _plan.py I16: the bearer goes everywhere
by tests/auth/test_origins.py::test_a_bare_httpx_client_sends_no_bearer_elsewhere[threads]
-    wanted = request.extensions.get(BEARER) and request.extensions[_HOME]
+    wanted = request.extensions.get(BEARER)
@@ _plan.py I16: another origin sends the bearer home
by tests/auth/test_origins.py::test_a_redirect_from_elsewhere_brings_no_bearer_home[threads]
-    request.extensions[_HOME] = at_home and from_home
+    request.extensions[_HOME] = at_home
@@ _plan.py I16: a redirect takes the body along
by tests/auth/test_origins.py::test_a_redirect_elsewhere_never_takes_the_body_along
-        if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
+        if False:
@@ _plan.py I16: a one-shot body goes out with a token near its end
by tests/auth/test_replay.py::test_before_a_generator_body_a_token_near_its_end_is_refreshed
-Acquire(one_shot=rewind is None)
+Acquire(one_shot=False)
@@ _plan.py I16: a pipe is taken for a file
by tests/auth/test_replay.py::test_what_may_be_readable_once_only_is_not_sent_twice[threads-a pipe]
- and source.seekable():
-
+:
+
@@ _plan.py I16: one file of several that can be rewound is enough
by tests/auth/test_replay.py::test_what_may_be_readable_once_only_is_not_sent_twice[threads-a pipe among the files of a form]
-return _nothing if all(
+return _nothing if any(
@@ _plan.py I16: a stream of the user's own is taken for one of httpx's
by tests/auth/test_replay.py::test_what_may_be_readable_once_only_is_not_sent_twice[threads-a stream that looks like httpx's]
-if type(stream).__module__.partition(".")[0] not in _LIBRARIES:
+if False:
@@ _plan.py the token is chosen when the request begins to wait
by tests/auth/test_refusals.py::test_a_request_that_waited_for_its_connection_leaves_with_the_pair_of_then
-            held = current
+            pass
@@ _plan.py leaves with a pair that was refused
by tests/auth/test_refusals.py::test_a_request_leaves_with_no_other_pair_than_a_good_one_of_its_own_user
-        if not held.refused:
+        if True:
@@ _plan.py leaves with a token that expired while it waited
by tests/auth/test_refusals.py::test_a_request_whose_token_expires_while_it_waits_for_a_connection_leaves_with_the_next_one
-            raise TokenOutdated
+            pass
@@ _plan.py what is held back never leaves
by tests/auth/test_refusals.py::test_a_request_is_held_back_once
-        holds_back, step = False, Acquire(
+        step = Acquire(
@@ _plan.py a replay is not held back
by tests/auth/test_refusals.py::test_a_request_whose_token_expires_while_it_waits_for_a_connection_leaves_with_the_next_one[threads-replay]
-_sent(request, renewal, remedy, begun, holds_back=holds_back)
+_sent(request, renewal, remedy, begun, holds_back=False)
@@ _renewal.py an expired token leaves while another user is signed in
by tests/auth/test_refusals.py::test_a_request_of_one_user_with_an_expired_token_is_held_back_while_another_user_is_signed_in
-        return self._monotonic() >= held.hard_at
+        return held is self.held and self._monotonic() >= held.hard_at
@@ _connections.py what comes back waits its turn again
by tests/auth/test_connections.py::test_who_comes_back_goes_before_those_who_have_not_had_their_turn[threads]
-self._waiting.appendleft(checkout)
+self._waiting.append(checkout)
@@ _plan.py a replay is not marked as coming back
by tests/auth/test_refusals.py::test_a_request_that_comes_back_need_not_wait_its_turn_again[threads]
-        request.extensions[RETURNING] = True  #
+        pass  #
@@ client.py a with block loads nothing
by tests/auth/test_client.py::test_a_client_in_a_with_block_knows_of_the_sign_in_before[threads]
-            self._session.load()
+            pass
@@ client.py an async with block loads nothing
by tests/auth/test_client.py::test_a_client_in_a_with_block_knows_of_the_sign_in_before[asyncio]
-            await self._session.aload()
+            pass
@@ _plan.py leaves with an older pair where the newest was refused
by tests/auth/test_refusals.py::test_a_request_is_held_back_where_the_newest_pair_was_refused
-        if self._holds_back and self._renewal.is_outdated(held):
+        if self._holds_back and self._renewal.is_outdated(self.held):
@@ _plan.py who is sent again waits its turn again
by tests/auth/test_refusals.py::test_a_request_that_comes_back_need_not_wait_its_turn_again[threads]
-        request.extensions[RETURNING] = True
+        pass
@@ _plan.py a HEAD that is refused is never refreshed for
by tests/auth/test_refusals.py::test_a_refused_head_whose_answer_has_no_body_is_a_refresh[threads-None]
-    bare = send.request.method == "HEAD" and
+    bare = False and
@@ _plan.py a challenge of an invalid token means nothing
by tests/auth/test_refusals.py::test_a_challenge_of_an_invalid_token_is_a_refresh_and_a_replay
-(error and error[1] == "invalid_token") or
@@ _plan.py every challenge is one of an invalid token
by tests/auth/test_refusals.py::test_a_401_that_does_not_speak_of_the_token_is_the_callers_answer_after_one_look_at_the_store
-error[1] == "invalid_token"
+True
@@ _plan.py another 401 is nobody's business
by tests/auth/test_refusals.py::test_a_401_of_a_session_that_ended_elsewhere_asks_to_sign_in
-    return Look(sent) if answer.status_code == 401 else None
-
+    return None
@@ auth.py an unread 401 keeps its connection while its request waits
by tests/auth/test_refusals.py::test_who_waits_for_a_refresh_keeps_no_connection
-    if not may_reject_the_token(response.status_code, renewal):
-
+    if True:
+
@@ auth.py a large refusal is read into memory
by tests/auth/test_refusals.py::test_a_large_refusal_is_left_to_the_caller_unread
- or int(length) <= _LONGEST_REFUSAL
+ or True
@@ auth.py a timeout of the user's own does not bound the wait for a refresh
by tests/auth/test_refusals.py::test_a_timeout_of_the_users_own_bounds_the_wait_for_a_refresh_which_goes_on[threads]
-else min(read, longest)
+else longest
@@ _exchange.py cookies of one user go along with the next
by tests/auth/test_client.py::test_no_cookie_of_one_user_goes_along_with_the_next
-        if whose and (held is None or not (held.record is whose or held.record.same_user(whose))):
+        if False:
@@ _exchange.py a second login keeps the cookies of the first
by tests/auth/test_client.py::test_no_cookie_of_one_user_goes_along_with_the_next[threads-a second login]
-        self.cookies.clear()
-        for answer
+        for answer
@@ client.py a close that is interrupted closes nothing
by tests/auth/test_client.py::test_a_close_that_is_interrupted_gives_connections_up
-                stack.callback(self._http.close)
+                pass
@@ client.py the refresh takes a kept connection of the user's transport
by tests/auth/test_client.py::test_a_networks_transport_is_not_used_by_the_refresh
-    if used is None and not isinstance(transport, httpx.HTTPTransport | httpx.AsyncHTTPTransport):
+    if used is None:
@@ _profiles.py two APIs behind one host share their tokens
by tests/auth/test_client.py::test_a_sign_in_belongs_to_its_base_url_and_profile
-key=f"{self.base_url}#{profile}"
+key=f"{self.origins}#{profile}"[:9]
@@ _profiles.py every profile stays in hand
by tests/auth/test_client.py::test_profiles_that_nobody_holds_are_let_go_but_for_the_last_few_and_those_in_use
-                if renewal_of(idle).in_use:
+                if True:
@@ _profiles.py a profile that somebody listens to is let go
by tests/auth/test_client.py::test_profiles_that_nobody_holds_are_let_go_but_for_the_last_few_and_those_in_use
-                if renewal_of(idle).in_use:
+                if False:
@@ _network.py I16: another port is the same origin
by tests/auth/test_origins.py::test_an_absolute_url_elsewhere_gets_no_bearer[threads]
-:{url.port or _PORTS.get(url.scheme, 0)}"
+"
@@ _network.py plain http to any machine
by tests/auth/test_origins.py::test_plain_http_to_another_machine_is_refused
-if parsed.scheme == "http" and not allow_http and not is_loopback(host):
+if False:
@@ _network.py a password in the base URL
by tests/auth/test_bad_input.py::test_a_base_url_with_a_password_is_refused_unquoted
-    if parsed.userinfo:
+    if False:
@@ client.py a with block knows nothing of the sign-in before
by tests/auth/test_client.py::test_a_client_in_a_with_block_knows_of_the_sign_in_before[threads]
-        try:
-            self._session.load()
+        try:
+            pass
@@ _exchange.py a cookie that a call brought is lost
by tests/auth/test_exchange.py::test_a_cookie_that_a_call_brought_goes_with_the_next[threads]
-        if "set-cookie" in response.headers:
+        if False:
@@ _exchange.py later changes of the client's settings are not looked at
by tests/auth/test_exchange.py::test_both_exchanges_send_the_same_and_show_hooks_the_same[threads-_changed_settings]
-        if made_from != self.templates[0]:
+        if self.templates[0] is None:
@@ _exchange.py redirects are never followed
by tests/auth/test_exchange.py::test_redirects_are_followed_by_httpx[threads]
-        if self.follow_redirects or not
+        if not
@@ _exchange.py an auth of the user's own is ignored
by tests/auth/test_exchange.py::test_an_auth_of_the_users_own_on_the_client_is_used[threads]
- or not isinstance(self.auth, Marked):
+:
@@ _exchange.py half an answer keeps its connection
by tests/auth/test_exchange.py::test_half_an_answer_is_a_typed_error_and_its_connection_is_closed[lean-threads-trouble0-APIConnectionError]
-            response.close()
-            raise
+            raise
@@ auth.py I16: a foreign answer behind a redirect causes a refresh
by tests/auth/test_origins.py::test_a_foreign_answer_behind_a_redirect_of_a_bare_httpx_client_causes_no_refresh
-                if origin_of(response.url) not in renewal.origins:
-                    return  #
+                if False:
+                    return  #
@@ _answers.py the frames of httpx stay on the error
by tests/auth/test_secrecy.py::test_no_frame_of_a_library_stays_on_the_error_of_a_real_connection
-        link.__traceback__ = None
+        pass
@@ _answers.py every 404 is the API's
by tests/auth/test_bad_input.py::test_a_404_that_is_not_the_apis_asks_for_the_base_url
-    if response.status_code == 404 and
+    if False and
@@ _options.py a header value of any characters
by tests/auth/test_bad_input.py::test_an_argument_that_cannot_work_is_named_and_never_quoted
-if not isinstance(value, str) or _NO_VALUE.search(value)
+if not isinstance(value, str)
""")
