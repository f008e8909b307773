"""Faults put into the exchange of tokens, and into how its answer is read."""

from tests.mutants.catalogue import parsed

WIRE = parsed("""
@@ _wire.py I12: a portal's page ends the session
by tests/auth/test_wire.py::test_each_answer_has_its_class
-    return not properties and not content.strip()
+    return not properties
@@ _contract.py I4: a pair with half of it missing
by tests/auth/test_wire.py::test_each_answer_has_its_class
-    if not is_token(answer.at(response.access_token)):
+    if answer.at(response.access_token) is False:
@@ _contract.py I4: a response without refresh token is taken for a pair
by tests/auth/test_contract_on_the_wire.py::test_tokens_are_read_where_the_contract_says
-in (None, "") and response.absent != "refuse")
+in (None, ""))
@@ _contract.py I1: the refresh token that stays in force is dropped
by tests/auth/test_contract_on_the_wire.py::test_tokens_are_read_where_the_contract_says
-response.absent == "keep" else None
+response.absent == "none" else None
@@ _wire.py I10: a refusal for another reason ends the session
by tests/auth/test_contract_on_the_wire.py::test_only_a_declared_sign_ends_the_session
-(sign := answer.matches(dead)) is not None:
+(sign := answer.matches(dead, by_status=True)) is not None:
@@ _contract.py I9: a call that issues nothing signs in
by tests/auth/test_contract.py::test_an_operation_issues_tokens_when_and_if_the_contract_says_so
-    return when is None or argument(when.place, kwargs) == when.value
+    return True
@@ _contract.py a carried value is forgotten where a response leaves it out
by tests/auth/test_contract_on_the_wire.py::test_a_carried_value_is_that_of_the_last_response_that_had_one
-(dict(old.carried) if old else {})
+{}
@@ _contract.py a carried value is not sent
by tests/auth/test_contract_on_the_wire.py::test_a_refresh_is_sent_as_the_contract_says
-        if (value := pair.carried.get(_key(source))) is not None:
+        if (value := pair.carried.get(_key(source))) is None:
@@ _wire.py a refresh of another origin goes to the API
by tests/auth/test_contract_on_the_wire.py::test_a_refresh_elsewhere_goes_there_and_takes_no_header_of_the_api_along
-        return url if "://" in url else self._base_url + url
+        return self._base_url + httpx.URL(url).path
@@ _wire.py the API's keys go to another origin
by tests/auth/test_contract_on_the_wire.py::test_a_refresh_elsewhere_goes_there_and_takes_no_header_of_the_api_along
-self._client if at_home else partial(_without_headers, self._client)
+self._client
@@ _wire.py a refresh goes elsewhere over plain http
by tests/auth/test_contract_on_the_wire.py::test_a_refresh_over_plain_http_elsewhere_is_refused_at_construction
-            allowed_origin(self._absolute(url), allow_http=allow_http)
+            self._absolute(url)
@@ _wire.py a discovered endpoint over plain http gets the token
by tests/auth/test_contract_on_the_wire.py::test_a_discovery_document_that_cannot_be_trusted_leaves_the_pair
-bool(allowed_origin(url, allow_http=self._allow_http))
+True
@@ _wire.py another issuer's document is believed
by tests/auth/test_contract_on_the_wire.py::test_a_discovery_document_that_cannot_be_trusted_leaves_the_pair
-            raise LookupError("the discovery document is not that of the issuer which it names")
+            pass
@@ _flight.py I9: a sign-in anew after a logout passes for the same user's session
by tests/auth/test_sign_in_anew.py::test_after_a_logout_the_next_call_signs_in_anew[threads]
-    family = record.family if record.pair else world.draw()
+    family = record.family
@@ _renewal.py a refused sign-in is repeated without a rest
by tests/auth/test_sign_in_anew.py::test_a_refused_sign_in_is_a_typed_error_and_tried_again_after_a_rest[threads]
-(self._setbacks.failed if self._signs_in else self._setbacks.reset)(error)
+self._setbacks.reset(error)
@@ _renewal.py the thread of an idle session keeps the program alive
by tests/auth/test_sign_in_anew.py::test_a_program_ends_though_a_session_of_it_is_watched
-        goes_on = clock.sleep(
+        clock.sleep(
@@ _wire.py a token in a query is logged
by tests/auth/test_contract_on_the_wire.py::test_what_fills_a_url_is_in_no_log
-        return self._shown
+        return super().__str__()
@@ _wire.py I4: of two tokens with one name the last
by tests/auth/test_faults.py::test_trouble_that_passes_is_nobodys_business[two access tokens-threads]
-received.content, strict=success)
+received.content)
@@ _wire.py an answer of any size
by tests/auth/test_wire.py::test_each_answer_has_its_class
-        if len(content) > _LARGEST_ANSWER:
+        if False:
@@ _wire.py a decoder without a bound
by tests/auth/test_wire.py::test_an_answer_that_blows_up_when_decoded_takes_no_memory
-gzip.decompress(chunk, _LARGEST_ANSWER + 1 - len(content))
+gzip.decompress(chunk)
@@ _wire.py I5: a body that comes in drops, where no thread can be started
by tests/auth/test_wire.py::test_where_no_thread_can_be_started_the_exchange_runs_in_its_callers
-        if time.monotonic() > end:
+        if False:
@@ _wire.py I5: an exchange is waited for without a bound
by tests/auth/test_wire.py::test_an_answer_that_comes_too_late_counts_as_none_on_a_transport_that_reports_nothing
-            thread.join(seconds)
+            thread.join()
@@ _wire.py I5: no exchange where no thread can be started
by tests/auth/test_wire.py::test_where_no_thread_can_be_started_the_exchange_runs_in_its_callers
-            self._perform(seconds)
+            pass
@@ _wire.py the connection of an exchange that was given up is left open
by tests/auth/test_wire.py::test_a_cut_connection_never_becomes_one_without_encryption
-                self._cut_if_abandoned()
-                self._outcome
+                self._outcome
@@ _wire.py a connection that comes up too late is left open
by tests/auth/test_wire.py::test_a_connection_that_took_the_whole_time_is_cut_as_soon_as_there_is_one[socks.start_tls]
-                self._cut_if_abandoned()
-            elif
+            elif
@@ _wire.py a connection that others share is cut
by tests/auth/test_wire.py::test_a_connection_that_others_share_is_not_cut
-                if event.startswith("http2."):
+                if False:
@@ _wire.py I1: what was given up is sent later
by tests/auth/test_wire.py::test_an_exchange_that_was_given_up_never_begins_to_send
-                if self._abandoned:
-                    raise
+                if False:
+                    raise
@@ _wire.py I2: a transport that sent, and could not connect again, counts as never sent
by tests/auth/test_wire.py::test_a_transport_that_sent_before_it_could_not_connect_is_in_doubt
-        if issubclass(received, _BEFORE_SENDING) and not exchange.sending:
+        if issubclass(received, _BEFORE_SENDING):
@@ _wire.py I2: a transport that reports nothing counts as never having sent
by tests/auth/test_wire.py::test_an_answer_that_comes_too_late_counts_as_none_on_a_transport_that_reports_nothing
-httpx.ConnectTimeout if self._connecting and not self.sending else
+httpx.ConnectTimeout if not self.sending else
@@ _wire.py I11: a proxy's CONNECT counts as the request
by tests/auth/test_sockets.py::test_a_proxy_that_never_answers_means_not_sent
-self.sending or info["request"].method != b"CONNECT"
+True
@@ _wire.py I11: a wait for the pool is longer than all of it
by tests/auth/test_wire.py::test_a_pool_of_the_users_own_without_a_free_place_means_not_sent
-pool=0.5 * seconds
+pool=2 * seconds
@@ _wire.py I12: a gateway's refusal in JSON ends the session
by tests/auth/test_wire.py::test_where_the_api_documents_its_refusals_only_one_of_that_shape_counts
-        return properties <= answer.body.keys()
+        return True
@@ _contract.py a content-type of the client's headers stands for the body's
by tests/auth/test_wire.py::test_headers_of_the_constructor_go_along_but_those_of_the_exchange_itself
-        headers["content-type"] = _ENCODED[request.encoding]
@@ _wire.py I2: a timeout counts as never sent
by tests/auth/test_faults.py::test_by_relogin_a_token_in_doubt_is_never_sent_again
-httpx.PoolTimeout, h
+httpx.PoolTimeout, httpx.ReadTimeout, h
@@ _wire.py I2: no attempt id on the wire
by tests/auth/test_wire.py::test_each_refresh_has_an_attempt_id_of_its_own
-        headers = {grace.header: attempt} if grace and grace.header else {}
+        headers = {}
@@ _wire.py I5: a rest beyond all calendars
by tests/auth/test_faults.py::test_a_server_that_asks_for_a_long_rest_is_left_alone_so_long[busy for ever-threads]
-    return min(float(retry_after), _LONGEST_REST)
+    return float(retry_after)
@@ _wire.py I16: a redirected refresh is followed
by tests/auth/test_origins.py::test_a_redirected_refresh_is_not_followed
-client.send(request, stream=True)
+client.send(request, stream=True, follow_redirects=True)
@@ _flight.py a refresher that raises ends the refresh
by tests/auth/test_faults.py::test_whatever_a_refresher_does_the_token_is_in_doubt_and_the_lock_is_given_back
-            return Unknown(f"the refresher raised {type(error).__name__}")
+            raise
""")
