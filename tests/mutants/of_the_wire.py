"""Faults put into the exchange of tokens, and into how its answer is read."""

# ruff: noqa: E501 -- the code that is replaced stands here as it stands there

from tests.mutants.catalogue import Mutant

WIRE = (
    Mutant(
        "I12",
        "a portal's page ends the session",
        "_wire.py",
        "            if not content.strip() or isinstance(_object(content), dict):",
        "            if True:",
        "tests/auth/test_wire.py::test_each_answer_has_its_class",
    ),
    Mutant(
        "I4",
        "a pair with half of it missing",
        "_wire.py",
        "            if not is_token(said.get(name)):",
        "            if said.get(name) is False:",
        "tests/auth/test_wire.py::test_each_answer_has_its_class",
    ),
    Mutant(
        "I4",
        "of two tokens with one name the last",
        "_wire.py",
        "_object(content, object_pairs_hook=_without_duplicates)",
        "_object(content)",
        "tests/auth/test_faults.py::test_trouble_that_passes_is_nobodys_business[two access tokens-threads]",
    ),
    Mutant(
        "",
        "an answer of any size",
        "_wire.py",
        "        if len(content) > _LARGEST_ANSWER:",
        "        if False:",
        "tests/auth/test_wire.py::test_each_answer_has_its_class",
    ),
    Mutant(
        "",
        "a decoder without a bound",
        "_wire.py",
        "decode(chunk, _LARGEST_ANSWER + 1 - len(content))",
        "decode(chunk, 0)",
        "tests/auth/test_wire.py::test_an_answer_that_blows_up_when_decoded_takes_no_memory",
    ),
    Mutant(
        "I5",
        "a body that comes in drops",
        "_wire.py",
        "        if time.monotonic() > self._end:\n            raise",
        "        if False:\n            raise",
        "tests/auth/test_wire.py::test_a_body_that_comes_too_late_counts_as_no_answer_on_a_transport_without_a_socket",
    ),
    Mutant(
        "I5",
        "headers that come in drops",
        "_wire.py",
        "            self._timer.start()\n",
        "            pass\n",
        "tests/auth/test_wire.py::test_a_connection_that_took_the_whole_time_is_cut_as_soon_as_there_is_one[connection.connect_tcp]",
    ),
    Mutant(
        "I2",
        "a timeout counts as never sent",
        "_wire.py",
        "    httpx.PoolTimeout,\n",
        "    httpx.PoolTimeout,\n    httpx.ReadTimeout,\n",
        "tests/auth/test_faults.py::test_by_relogin_a_token_in_doubt_is_never_sent_again",
    ),
    Mutant(
        "I2",
        "no attempt id on the wire",
        "_wire.py",
        "        headers = {endpoint.attempt_header: attempt} if endpoint.attempt_header else {}",
        "        headers = {}",
        "tests/auth/test_wire.py::test_each_refresh_has_an_attempt_id_of_its_own",
    ),
    Mutant(
        "I5",
        "a rest beyond all calendars",
        "_wire.py",
        "    return min(float(retry_after), _LONGEST_REST)",
        "    return float(retry_after)",
        "tests/auth/test_faults.py::test_a_server_that_asks_for_a_long_rest_is_left_alone_so_long[threads-busy for ever]",
    ),
    Mutant(
        "I16",
        "a redirected refresh is followed",
        "_wire.py",
        "method, url, json=body, headers=headers, timeout=timeout, extensions=extensions",
        "method, url, json=body, headers=headers, timeout=timeout, extensions=extensions, follow_redirects=True",
        "tests/auth/test_origins.py::test_a_redirected_refresh_is_not_followed",
    ),
    Mutant(
        "",
        "a refresher that raises ends the refresh",
        "_flight.py",
        '            return Unknown(f"the refresher raised {type(error).__name__}")',
        "            raise",
        "tests/auth/test_faults.py::test_a_refresher_that_raises_is_an_answer_that_never_came",
    ),
)
