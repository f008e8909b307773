"""The fault list: what can go wrong, what a user sees of it, and the test that shows it. `make faults` runs them all.

What the fake server offers (`signedin.testing.FAULTS`) is listed from there; the rest from the tests' own tables.
"""

# ruff: noqa: E501 -- a table

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from signedin.testing import FAULTS

from tests.auth import test_file_store, test_records, test_sockets
from tests.stores import test_file_faults, test_redis_faults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signedin.testing import Fault

_A, _S = "tests/auth/test_", "tests/stores/test_"
_STORE = "`TokenStoreError`; nothing sent"
_KEPT = "`TokenStoreError`; the tokens are as they were"
_ASIDE = "`TokenStoreError`; moved aside, nothing is lost"
_UNKNOWN = "may be spent: presented again under the same attempt id, then `RefreshUnavailableError`; the pair remains"
_OUTCOMES = {
    "refused": "`SessionExpiredError`; the pair is cleared, and never tried again",
    "not sent": "sent again, then `RefreshUnavailableError`; the pair remains",
    "busy": "waited for, then `RefreshUnavailableError`; the pair remains",
    "unknown": _UNKNOWN,
    "renewed": "none: the new pair is taken",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `case` is its place in the test's parameters, where it shares the test with others."""

    fault: str
    outcome: str
    test: str
    case: str = ""


def _each(cases: Iterable[str], outcome: str, test: str, prefix: str = "") -> list[Row]:
    return [Row(f"{prefix}{case}", outcome, test, case) for case in cases]


def _exchange(name: str, fault: Fault) -> Row:
    test = {
        "refused": "test_a_refusal_of_the_refresh_clears_the_pair",
        "renewed": "test_what_is_odd_and_does_no_harm_is_taken",
    }.get(fault.refresh, "test_trouble_that_stays_keeps_the_pair_and_the_next_call_recovers")
    if name in {"busy for an hour", "busy for ever"}:
        test = "test_a_server_that_asks_for_a_long_rest_is_left_alone_so_long"
    return Row(f"`{name}`: {fault.what}", _OUTCOMES[fault.refresh], f"{_A}faults.py::{test}", name)


EXCHANGES = [_exchange(name, fault) for name, fault in FAULTS.items()]

_SOCKETS = f"{_A}sockets.py::test_"
SOCKETS = [
    *_each(test_sockets.BROKEN_ANSWERS, _UNKNOWN, f"{_SOCKETS}an_answer_that_is_broken_is_unknown"),
    *_each(
        test_sockets.ODD_ANSWERS, "none: the new pair is taken", f"{_SOCKETS}an_answer_that_is_odd_and_whole_is_taken"
    ),
    *_each(test_sockets.STAGES, _UNKNOWN, f"{_SOCKETS}a_server_that_half_closes_is_unknown", "half-closed in the "),
    *_each(test_sockets.STAGES, _UNKNOWN, f"{_SOCKETS}a_reset_after_the_request_is_unknown", "reset in the "),
    Row("reset before the request was read", _UNKNOWN, f"{_SOCKETS}a_reset_before_the_request_was_read_is_unknown"),
    *_each(
        ["silent", "status line", "headers", "body", "chunks"],
        _UNKNOWN,
        f"{_A}wire.py::test_a_server_that_drips_is_cut_after_a_total_time",
        "byte by byte, for ever: ",
    ),
    Row(
        "byte by byte, over an open connection of the user's own",
        _UNKNOWN,
        f"{_A}wire.py::test_a_server_that_drips_over_a_kept_connection_of_the_users_own_is_given_up_after_a_total_time",
    ),
    Row(
        "a name server that hangs",
        _OUTCOMES["not sent"],
        f"{_A}wire.py::test_a_name_server_that_hangs_means_not_sent_and_nothing_is_sent_later",
    ),
    Row("a body without an end", _UNKNOWN, f"{_A}wire.py::test_an_endless_body_is_cut_at_its_size"),
    *_each(
        ["407 Proxy Authentication Required", "502 Bad Gateway", "504 Gateway Timeout"],
        _OUTCOMES["not sent"],
        f"{_SOCKETS}a_proxy_that_opens_no_tunnel_means_not_sent",
        "a proxy's answer to CONNECT: ",
    ),
    Row("a proxy that never answers", _OUTCOMES["not sent"], f"{_SOCKETS}a_proxy_that_never_answers_means_not_sent"),
    Row("a proxy that is not there", _OUTCOMES["not sent"], f"{_SOCKETS}a_proxy_that_is_not_there_means_not_sent"),
    *_each(
        ["plain http", "closes", "resets", "silent"],
        _OUTCOMES["not sent"],
        f"{_SOCKETS}a_handshake_that_fails_means_not_sent",
        "in place of a TLS handshake: ",
    ),
    *_each(
        ["issued by itself", "for another host", "run out", "not valid yet"],
        _OUTCOMES["not sent"],
        f"{_SOCKETS}a_certificate_with_a_flaw_means_not_sent",
        "a certificate ",
    ),
]

CONCURRENCY = [
    Row(fault, outcome, f"tests/auth/test_{test}", *case)
    for fault, outcome, test, *case in (
        ("fifty requests refused at once", "one refresh", "expiry.py::test_fifty_refused_at_once_share_one_refresh"),
        ("a 401 that comes after the refresh", "no second refresh", "expiry.py::test_late_401_does_not_refresh_again"),
        ("the refresh itself is answered `TokenExpiredError`", "`SessionExpiredError`; nobody waits for himself",
         "expiry.py::test_a_refresh_answered_token_expired_does_not_wait_for_itself"),
        ("a token that ends on its way, and the next one, too", "none: a second replay, and no third",
         "expiry.py::test_a_request_whose_tokens_end_on_their_way_is_replayed_twice_at_most"),
        ("a server that calls every token expired", "one replay, and the 401",
         "expiry.py::test_a_server_that_says_expired_for_ever_gets_one_replay"),
        ("the same, request after request", "`FreshTokenRejectedError`",
         "expiry.py::test_over_several_requests_the_loop_is_stopped"),
        ("a connection pool with one place and many waiters", "none",
         "expiry.py::test_a_crowd_that_waits_for_a_refresh_keeps_no_connection"),
        ("a refresh slower than a waiter's patience", "`RefreshUnavailableError` for him; the refresh goes on",
         "expiry.py::test_a_waiter_ends_within_its_patience_and_the_refresh_goes_on"),
        ("a failed refresh with many waiters", "one failure, an exception for each",
         "expiry.py::test_one_failed_refresh_is_one_failure_for_all_its_waiters"),
        ("an outage with many callers", "as many attempts as with one",
         "windows.py::test_during_an_outage_attempts_do_not_depend_on_the_number_of_callers"),
        ("a failed refresh while the token still lives", "none: it is served",
         "windows.py::test_a_failed_background_refresh_is_nobodys_trouble_while_the_token_lives"),
        ("tokens of one second that are equal byte for byte", "one refresh",
         "windows.py::test_fifty_refused_with_identical_tokens_share_one_refresh"),
        ("the request that began the refresh is cancelled", "his own cancellation; the pair is saved",
         "cancelling.py::test_cancelling_the_leader_disturbs_no_waiter"),
        ("a waiter is cancelled", "his own cancellation",
         "cancelling.py::test_cancelling_a_waiter_disturbs_neither_the_leader_nor_other_waiters"),
        ("all callers are cancelled", "the pair is saved",
         "cancelling.py::test_all_callers_cancelled_and_the_pair_is_kept_all_the_same"),
        ("a timeout around a call", "his own timeout; the pair is saved",
         "cancelling.py::test_a_timeout_around_a_call_loses_nothing"),
        ("an answer closed from another task", "none",
         "cancelling.py::test_a_body_of_a_flow_closed_from_elsewhere_poisons_nothing"),
        ("an event loop that ends during the refresh", "the pair is saved",
         "cancelling.py::test_a_loop_that_ended_with_a_refresh_under_way_loses_nothing"),
        ("a sign-out during a refresh", "`NotSignedInError` at once; the late pair is revoked",
         "leaving.py::test_logout_during_a_refresh_wakes_every_waiter_at_once_and_revokes_the_late_pair"),
        ("a sign-out between saving and publishing a refresh", "`NotSignedInError`",
         "leaving.py::test_a_sign_out_between_the_storing_and_the_publishing_of_a_refresh_wins"),
        ("a sign-out between saving and publishing a sign-in", "signed out",
         "leaving.py::test_a_sign_out_between_the_storing_and_the_publishing_of_a_sign_in_wins"),
        ("two sign-ins at once", "the one stored last",
         "leaving.py::test_of_two_sign_ins_at_once_the_one_stored_last_is_in_hand"),
        ("a sign-in during a refresh", "the new sign-in", "leaving.py::test_login_during_a_refresh_wins"),
        ("the old session's refresh fails after a sign-in", "the new sign-in stays",
         "leaving.py::test_a_failing_refresh_of_the_old_pair_does_not_end_a_new_session"),
        ("another user signs in while a request is refused", "the 401; never sent as the other",
         "leaving.py::test_a_request_begun_as_one_user_is_never_replayed_as_another"),
        ("a refresh answered with another user's tokens", "`RefreshUnavailableError`; the pair remains",
         "leaving.py::test_the_tokens_of_another_user_are_no_answer_to_a_refresh"),
        ("closing during a refresh", "it is waited for",
         "leaving.py::test_close_waits_for_a_refresh_that_is_under_way"),
        ("no thread can be started", "`RefreshUnavailableError`; the pair remains",
         "faults.py::test_a_system_without_threads_to_spare_keeps_the_pair"),
        ("a refresher of one's own that raises", "`RefreshUnavailableError`; the pair remains",
         "faults.py::test_whatever_a_refresher_does_the_token_is_in_doubt_and_the_lock_is_given_back"),
        ("a store that cannot take the new pair", "it serves from memory, and is saved when the store is back",
         "unsaved.py::test_it_is_written_in_the_background"),
        ("the same, until the client is closed", "saved by `close`", "unsaved.py::test_it_is_written_by_close"),
        ("the same, and a sign-out elsewhere meanwhile", "revoked",
         "unsaved.py::test_it_is_revoked_where_somebody_signed_out_meanwhile"),
        ("a sign-in that cannot be stored", "`TokenStoreError`; revoked at the server",
         "stores.py::test_a_pair_that_cannot_be_stored_is_not_taken"),
        ("a flaw inside the refresh", "`RefreshUnavailableError`; the lock is released",
         "faults.py::test_a_flaw_inside_the_refresh_gives_the_lock_back"),
        ("a strict server that lost its answer", "`SessionExpiredError`: no client can do better",
         "faults.py::test_a_strict_server_gets_a_token_in_doubt_once_more", "its answer was lost"),
        ("a strict server in doubt, twice", "`RefreshUnavailableError`; no third presentation",
         "faults.py::test_a_strict_server_gets_a_token_in_doubt_once_more", "in doubt twice"),
        ("no thread to be had, for a task that signs in or out", "none: done on its event loop",
         "bearer.py::test_without_a_thread_to_be_had_signing_in_and_out_and_closing_are_done_all_the_same"),
        ("a subscriber that raises, or ends its thread", "logged",
         "events.py::test_a_subscriber_that_raises_harms_nobody"),
        ("a subscriber that blocks", "later events wait, no call does", "events.py::test_a_subscriber_that_blocks_harms_nobody"),
        ("a subscriber that blocks for ever", "the oldest events go",
         "events.py::test_a_callback_that_never_returns_keeps_no_more_than_the_backlog"),
        ("an async subscriber", "`ConfigurationError`", "events.py::test_an_async_callback_is_refused"),
        ("Ctrl-C at any moment of a call that begins a refresh", "his own interrupt; the session works",
         "interrupts.py::test_ctrl_c_at_any_moment_leaves_a_session_that_works"),
        ("a sign-out from a signal handler while the store works", "it waits for no lock of the interrupted call",
         "leaving.py::test_a_sign_out_from_a_signal_handler_waits_for_no_lock_of_the_store"),
        ("a refused token while its refresh is under way", "it is not sent again",
         "windows.py::test_a_refused_token_is_not_sent_again_while_its_refresh_is_under_way"),
        ("a token that expires while its request waits for a connection", "the next one is sent",
         "refusals.py::test_a_request_whose_token_expires_while_it_waits_for_a_connection_leaves_with_the_next_one"),
        ("a 401 that does not speak of the token", "the 401, after one look at the store",
         "refusals.py::test_a_401_that_does_not_speak_of_the_token_is_the_callers_answer_after_one_look_at_the_store"),
        ("a 401 of a session that ended elsewhere", "`NotSignedInError` or `SessionExpiredError`",
         "refusals.py::test_a_401_of_a_session_that_ended_elsewhere_asks_to_sign_in"),
        ("a timeout shorter than the refresh", "`RefreshUnavailableError` in time; the refresh goes on",
         "refusals.py::test_a_timeout_of_the_users_own_bounds_the_wait_for_a_refresh_which_goes_on"),
        ("a body that was read and is refused", "the 401, after a refresh",
         "replay.py::test_a_generator_body_refused_is_not_sent_again_but_refreshed_for"),
        ("a body from a pipe", "the 401, after a refresh",
         "replay.py::test_what_may_be_readable_once_only_is_not_sent_twice", "a pipe"),
        ("a form with one pipe among its files", "the 401, after a refresh",
         "replay.py::test_what_may_be_readable_once_only_is_not_sent_twice", "a pipe among the files of a form"),
        ("a redirect to another origin", "neither token nor refresh",
         "origins.py::test_a_redirect_elsewhere_carries_no_bearer_and_causes_no_refresh"),
        ("a redirect that would take a body along", "`APIConnectionError`; nothing sent there",
         "origins.py::test_a_redirect_elsewhere_never_takes_the_body_along"),
        ("another origin says `TokenExpiredError`", "the 401; no refresh",
         "origins.py::test_an_absolute_url_elsewhere_gets_no_bearer"),
    )
]  # fmt: skip

PROCESSES = [
    Row(fault, outcome, f"tests/{test}")
    for fault, outcome, test in (
        ("two processes at one expiry", "one refresh",
         "auth/test_processes.py::test_two_processes_refresh_once_across_an_expiry"),
        ("another process holds the lock", "its pair is taken",
         "auth/test_processes.py::test_a_process_waits_for_anothers_refresh_and_takes_its_pair"),
        ("the process ends during a refresh", "the pair is saved first",
         "auth/test_processes.py::test_a_process_that_ends_during_a_refresh_keeps_the_new_pair"),
        ("`kill -9` during a refresh", "the next process presents it again, under the same attempt id",
         "auth/test_processes.py::test_a_process_killed_during_a_refresh_leaves_a_session_that_recovers"),
        ("`kill -9`, `SIGSTOP` and a broken network at random", "no hang, no torn file, no re-login",
         "chaos/test_chaos.py::test_a_session_shared_by_processes_survives_kills_stops_and_a_broken_network"),
        ("a holder that was stopped before it sent", "nothing is presented to a strict server before its time is over",
         "auth/test_faults.py::test_a_strict_server_is_given_time_to_answer_the_first_presentation_and_no_longer_than_a_sending"),
        ("a sign-out in another process", "`NotSignedInError`",
         "auth/test_processes.py::test_a_logout_reaches_the_other_process"),
        ("a fork, with tokens in memory", "`ConfigurationError` in the child",
         "auth/test_processes.py::test_a_forked_child_refreshes_only_what_it_shares"),
        ("a fork in the middle of a refresh", "both go on", "auth/test_processes.py::test_a_fork_during_a_refresh_hangs_nobody"),
        ("a child forked under a lock lives on", "the lock is free",
         "stores/test_locks.py::test_a_child_forked_under_a_lock_does_not_keep_it"),
        ("a write lock that never comes free", "`TokenStoreError` within a bound",
         "stores/test_locks.py::test_a_write_that_never_ends_stops_the_others_only_for_a_while"),
        ("a host that dies under its lease", "the others go on when it has run out",
         "stores/test_hosts.py::test_a_host_that_dies_under_the_lease_is_followed_when_it_runs_out"),
        ("a clock that is minutes off", "one refresh at most",
         "auth/test_windows.py::test_a_clock_that_is_wrong_causes_one_extra_refresh_at_most"),
        ("a clock that jumps, ahead or back", "none",
         "auth/test_windows.py::test_a_clock_that_jumps_in_mid_life_causes_no_refresh"),
        ("a pair from a host with another clock", "one refresh at most",
         "auth/test_windows.py::test_a_pair_from_elsewhere_by_another_clock_settles_after_one_refresh"),
        ("a token that arrives expired", "it is sent; the server decides",
         "auth/test_windows.py::test_a_token_that_arrives_expired_is_sent_all_the_same"),
        ("nonsense for `exp`", "refreshed when the server says so",
         "auth/test_windows.py::test_a_token_with_nonsense_for_exp_counts_as_opaque"),
    )
]  # fmt: skip

_FILE, _FAULT = f"{_A}file_store.py::test_", f"{_S}file_faults.py::test_"
FILES = [
    *_each(test_file_faults.READING, _KEPT, f"{_FAULT}a_file_that_cannot_be_opened_is_a_typed_error", "opening: "),
    *_each(test_file_faults.CREATING, _KEPT, f"{_FAULT}a_new_file_that_cannot_be_made_leaves_the_old_one", "creating: "),
    *_each(
        test_file_faults.WRITING, _KEPT, f"{_FAULT}a_write_that_is_cut_leaves_the_old_file_and_no_litter", "writing: "
    ),
    *_each(
        ["fsync", "replace"], _KEPT, f"{_FILE}a_write_that_fails_leaves_the_old_file_and_no_litter", "failing: "
    ),
    Row("failing: fsync of the folder", "`TokenStoreError`; old or new, whole",
        f"{_FAULT}a_folder_whose_change_cannot_be_made_durable_is_a_typed_error_and_no_half_write"),
    *_each(
        test_file_faults.LOCKING,
        _KEPT,
        f"{_FAULT}locks_that_do_not_work_are_a_typed_error_and_nothing_is_written_without_them",
        "locking: ",
    ),
    *_each(["write lock", "refresh lock"], _KEPT, f"{_FAULT}a_folder_in_place_of_a_lock_file_is_a_typed_error",
           "a folder in place of the "),
    *_each(["tokens.json.lock", "refresh lock"], _KEPT, f"{_FILE}a_symlink_for_a_side_file_is_not_followed",
           "a symlink in place of "),
    Row("the lock files are deleted", "two may refresh; one of them saves",
        f"{_FAULT}a_lock_file_that_was_deleted_costs_work_and_never_a_record"),
    Row("the folder is deleted", "signed out; made anew", f"{_FAULT}a_folder_that_was_deleted_is_made_anew"),
    Row("the file is deleted under a running process", "`NotSignedInError` at the next refresh",
        f"{_FILE}a_deleted_file_signs_out_at_the_next_refresh"),
    Row("an older copy is put back", "what memory has goes before it",
        f"{_FAULT}an_older_copy_put_back_under_a_running_process_spends_no_token_twice"),
    Row("a name too long", _KEPT, f"{_FAULT}a_name_too_long_for_the_file_or_its_side_files_is_a_typed_error"),
    Row("a NUL in the path", "`ConfigurationError`", f"{_FAULT}a_path_that_no_file_can_have_is_refused_at_once"),
    Row("others may read it", _KEPT, f"{_FILE}a_file_that_others_can_read_is_not_used"),
    Row("it belongs to another user", _KEPT, f"{_FILE}a_file_of_another_user_is_not_used"),
    Row("a symlink", _KEPT, f"{_FILE}a_symlink_is_not_followed"),
    Row("a folder in its place", _KEPT, f"{_FILE}a_folder_in_place_of_the_file_is_refused"),
    Row("a named pipe in its place", _KEPT, f"{_FILE}a_pipe_in_place_of_the_file_does_not_hang"),
    Row("a file in place of its folder", _KEPT, f"{_FILE}a_file_in_place_of_the_folder_is_refused"),
    Row("64 GiB", _ASIDE, f"{_FILE}a_huge_file_is_not_read_into_memory"),
    *_each(test_file_store.DAMAGED, _ASIDE, f"{_FILE}a_damaged_file_is_moved_aside_and_nothing_is_lost", "damaged: "),
    *_each(test_file_store.DAMAGED_ENTRIES, "`TokenStoreError`; moved aside, the other entries stay",
           f"{_FILE}a_damaged_entry_is_moved_aside_alone_and_the_others_stay", "a damaged entry: "),
    Row("a damaged entry, and a full disk", _KEPT,
        f"{_FILE}a_damaged_entry_that_cannot_be_moved_aside_stays_with_the_others"),
    Row("killed between write and rename", "none: the next write removes what it left",
        f"{_FILE}what_a_killed_write_left_goes_with_the_next_write"),
    Row("damaged, and replaced by a sound one meanwhile", "none: it is read",
        f"{_FILE}a_file_that_was_replaced_by_a_sound_one_meanwhile_is_not_moved_aside"),
    Row("a network file system", "`NetworkFileSystemWarning`",
        f"{_S}network_file_systems.py::test_a_token_file_on_a_network_file_system_is_warned_about_once_with_the_remedy"),
]  # fmt: skip

_RING = f"{_S}keyring.py::test_"
KEYRINGS = [
    Row("no keyring at all", _KEPT, f"{_RING}a_system_without_a_keyring_says_what_to_do", "Keyring0"),
    Row("a keyring that keeps nothing", _KEPT, f"{_RING}a_system_without_a_keyring_says_what_to_do", "Keyring1"),
    Row("the library is not installed", "`ConfigurationError`", f"{_RING}without_the_library_it_says_what_to_install"),
    Row("locked", _KEPT, f"{_RING}a_locked_keyring_is_a_typed_error_in_its_own_words"),
    Row("a prompt that its user dismisses", _KEPT, f"{_RING}an_error_of_the_keyring_is_a_typed_error", "error0"),
    Row("a secret that it does not take", _KEPT, f"{_RING}an_error_of_the_keyring_is_a_typed_error", "error1"),
    Row("a library that finds no backend", _KEPT, f"{_RING}an_error_of_the_keyring_is_a_typed_error", "error2"),
    Row("an error that quotes the secret", "`TokenStoreError` that does not", f"{_RING}a_backends_words_are_not_quoted"),
    Row("it asks its user for ever", "`TokenStoreError` within a bound",
        f"{_RING}a_hanging_keyring_is_given_up_and_works_again_later"),
    Row("a write that comes true late", "it overwrites nothing newer",
        f"{_RING}a_write_that_ends_late_overwrites_nothing_newer"),
    Row("secrets longer than it takes", "stored in parts", f"{_RING}a_long_record_is_kept_in_parts_that_every_keyring_takes"),
    Row("secrets that it cuts without a word", _ASIDE, f"{_RING}a_keyring_that_cuts_long_secrets_is_found_out"),
    *_each(["missing", "changed"], _ASIDE, f"{_RING}a_record_whose_parts_do_not_fit_is_moved_with_them", "a part "),
    Row("an entry that is none of ours", _ASIDE, f"{_RING}a_damaged_entry_is_moved_and_nothing_is_lost"),
    Row("killed between parts and head", "none: the next write removes what it left",
        f"{_RING}the_parts_of_a_write_that_was_cut_go_with_the_next_one_of_whatever_size"),
    Row("a write that is cut between parts", "`TokenStoreError`; old or new, whole",
        f"{_RING}a_write_that_is_cut_leaves_the_old_record_and_the_next_one_cleans_up"),
    Row("parts that cannot be deleted", "none", f"{_RING}a_leftover_that_cannot_be_deleted_costs_nobody_the_new_record"),
    Row("a reader overtaken by two writers", "it reads again", f"{_RING}a_reader_overtaken_by_two_writes_reads_again"),
    Row("the folder of its locks cannot be used", _KEPT, f"{_RING}a_folder_that_cannot_be_used_is_a_typed_error"),
]  # fmt: skip

_REDIS, _TROUBLE = f"{_S}redis.py::test_", f"{_S}redis_faults.py::test_"
REDIS = [
    *_each(test_redis_faults.ERRORS, _KEPT, f"{_TROUBLE}an_error_of_the_server_is_a_typed_error"),
    *_each(test_redis_faults.NONSENSE, _KEPT, f"{_TROUBLE}an_answer_that_no_redis_gives_is_a_typed_error"),
    *_each(["closes", "half an answer", "silence"], _KEPT, f"{_TROUBLE}an_answer_that_does_not_come_is_a_typed_error",
           "a command is answered: "),
    Row("nobody there", _STORE, f"{_REDIS}no_server_is_a_typed_error_that_says_what_was_kept"),
    Row("restarted under a connection", "a new connection", f"{_REDIS}the_same_store_goes_on_after_a_restart"),
    Row("full (OOM)", _KEPT, f"{_REDIS}a_server_that_is_full_refuses_and_keeps"),
    Row("NOAUTH, WRONGPASS", "`TokenStoreError` without the password", f"{_REDIS}a_password_is_used_and_never_shown"),
    Row("no place in the client's own pool", _KEPT, f"{_TROUBLE}a_pool_without_a_place_is_a_typed_error"),
    Row("WRONGTYPE: somebody else's key", _KEPT, f"{_REDIS}a_key_that_another_program_uses_is_left_alone"),
    Row("the scripts were flushed", "sent again", f"{_REDIS}scripts_that_the_server_has_forgotten_are_sent_again"),
    Row("commands are renamed away", "`TokenStoreError` that quotes nothing", f"{_REDIS}an_error_of_the_server_is_not_quoted"),
    Row("the answer to the save is lost", "its pair remains",
        f"{_TROUBLE}a_write_whose_answer_was_lost_is_there_and_its_pair_is_kept"),
    Row("the client repeats a write", "won once, answered twice",
        f"{_REDIS}a_write_that_the_connection_repeats_is_won_once_and_told_twice"),
    Row("a lease that ran out under a live holder", "its late release takes nothing back",
        f"{_REDIS}a_lease_that_has_run_out_is_taken_over_and_its_late_holder_takes_nothing_back"),
    Row("evicted, run out or flushed", "`NotSignedInError`", f"{_REDIS}a_flushed_or_evicted_record_is_signed_out"),
    Row("a damaged record", _ASIDE, f"{_REDIS}a_damaged_record_is_set_aside_and_signing_in_works_again"),
    Row("damaged, and replaced by a sound one meanwhile", "`TokenStoreError`; the sound one stays",
        f"{_REDIS}a_sound_record_written_meanwhile_is_not_set_aside"),
    Row("used in a forked child", "connections of its own", f"{_REDIS}a_forked_child_has_connections_of_its_own"),
]  # fmt: skip

_RECORD, _SEALED = f"{_A}records.py::test_", f"{_S}encrypted.py::test_"
RECORDS = [
    *_each(test_records.DAMAGED, "`TokenStoreError`; signing in replaces it",
           f"{_RECORD}a_damaged_record_stays_until_signing_in_replaces_it", "damaged: "),
    *_each(test_records.FOREIGN, _KEPT, f"{_RECORD}what_another_reader_could_use_is_never_overwritten"),
    *_each(["changed", "cut", "empty", "foreign"], "`TokenStoreError`; signing in replaces it",
           f"{_SEALED}a_record_that_was_tampered_with_is_a_damaged_one", "encrypted, and "),
    Row("encrypted with another key", _KEPT, f"{_SEALED}another_key_neither_reads_nor_overwrites"),
]  # fmt: skip

AREAS = {
    "An exchange with the server": EXCHANGES,
    "Sockets, proxies, TLS": SOCKETS,
    "Concurrency and requests": CONCURRENCY,
    "Processes, hosts, clocks": PROCESSES,
    "Records, in whatever store": RECORDS,
    "Files": FILES,
    "Keyrings": KEYRINGS,
    "Redis": REDIS,
}
ALL = [row for rows in AREAS.values() for row in rows]
