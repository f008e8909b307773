"""Faults put into who gets which connection, and into what is left of it."""

from tests.mutants.catalogue import parsed

CONNECTIONS = parsed("""
@@ _connections.py the oldest connection first
by tests/auth/test_connections.py::test_the_connection_that_was_used_last_is_taken_first[threads]
-range(len(self._idle) - 1, -1, -1)
+range(len(self._idle))
@@ _connections.py a connection to another server is taken
by tests/auth/test_connections.py::test_a_connection_to_another_server_is_not_closed_for_a_call[threads]
-            if self._idle[index].origin == origin:
+            if True:
@@ _connections.py no limit to connections
by tests/auth/test_connections.py::test_no_more_connections_are_opened_than_the_limit[threads]
-len(self.connections) >= self._network.most_connections
+False
@@ _connections.py old connections stay
by tests/auth/test_connections.py::test_idle_connections_are_closed_when_they_are_too_old[threads]
- or self._idle[0].since < stale
@@ _connections.py any number of idle connections
by tests/auth/test_connections.py::test_after_a_burst_no_more_connections_stay_idle_than_the_limit[threads]
-len(self._idle) > self._network.most_idle or s
+s
@@ _connections.py the last who waits goes first
by tests/auth/test_connections.py::test_the_first_who_waits_is_the_first_to_go[threads]
-self._waiting.append(checkout)
+self._waiting.appendleft(checkout)
@@ _connections.py who gave up stays in the queue
by tests/auth/test_connections.py::test_who_waits_too_long_sends_nothing_and_leaves_the_queue[threads]
-self._waiting.remove(checkout)
+pass
@@ _connections.py a connection that failed is used again
by tests/auth/test_connections.py::test_a_call_that_ends_in_an_interrupt_closes_its_connection_and_makes_room[threads]
-self.release(checkout, reusable=not checkout.sent)
+self.release(checkout, reusable=True)
@@ _connections.py what was sent counts as not sent
by tests/auth/test_connections.py::test_a_call_that_ends_in_an_interrupt_closes_its_connection_and_makes_room[threads]
-        checkout.sent = True
+        checkout.sent = False
@@ _connections.py nobody is served after a dropped answer
by tests/auth/test_connections.py::test_an_answer_that_is_dropped_makes_room_for_who_waits[threads]
-_thread.start_new_thread(self.serve, ())
+pass
@@ _connections.py a dropped answer takes its transport along
by tests/auth/test_connections.py::test_an_answer_that_is_dropped_makes_room_for_who_waits[asyncio]
-self._transports.add(transport := build(self.kind, proxy))
+transport = build(self.kind, proxy)
@@ _connections.py an interrupt leaves the other connections open
by tests/auth/test_connections.py::test_an_interrupt_while_connections_are_closed_leaves_none_open[threads]
-        except BaseException:
-            await self.close_dropped()
-
+        except BaseException:
@@ _connections.py who waits is not told that the client was closed
by tests/auth/test_connections.py::test_closing_refuses_who_waits_and_lets_who_has_begun_finish[threads]
-                self.drop(self._idle.pop())
-            self._serve()
+                self.drop(self._idle.pop())
@@ _connections.py a child uses its parent's connections
by tests/auth/test_connections_apart.py::test_a_child_uses_and_disturbs_no_connection_of_its_parent[threads]
-inherited, self._stack = self._stack, _Threads(self._network, self._clock)
+inherited, self._stack = _Threads(self._network, self._clock), self._stack
@@ _exchange.py a child waits for the lock of its parent's cookies
by tests/auth/test_connections_apart.py::test_a_child_uses_and_disturbs_no_connection_of_its_parent[threads]
-        self.cookies = httpx.Cookies()
+        pass
@@ _network.py a child uses a transport of the parent's
by tests/auth/test_connections_apart.py::test_a_transport_of_the_users_own_and_a_closed_client_are_not_used_in_a_child
-        if os.getpid() != self._pid:
+        if False:
@@ _connections.py a loop ends and its connections stay
by tests/auth/test_connections_apart.py::test_one_client_works_in_one_run_after_another_and_leaves_nothing_open[asyncio]
-            await anext(stack.keeper)
@@ _connections.py a cancelled handshake leaves its connection
by tests/auth/test_connections_apart.py::test_a_handshake_that_is_cancelled_leaves_no_connection
-            self.dropped.extend(streams)
-
+
@@ _network.py plain http to this machine goes to a proxy
by tests/auth/test_network.py::test_calls_go_through_the_proxy_and_those_to_this_machine_directly[threads]
-(url.scheme == "http" and is_loopback(url.host))
+False
@@ _network.py a client's certificate for everybody
by tests/auth/test_network.py::test_a_client_certificate_is_added_to_no_context_that_others_use
-shared = not options.cert
+shared = True
@@ _exchange.py the refresh keeps cookies
by tests/auth/test_network.py::test_the_refresh_has_a_fresh_connection_its_headers_and_no_cookies
-, cookies=no_cookies
@@ _connections.py who comes back waits behind the others
by tests/auth/test_connections.py::test_who_comes_back_goes_before_those_who_have_not_had_their_turn[threads]
-            if RETURNING in request.extensions:
+            if False:
""")
