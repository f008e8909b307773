"""Faults put into the stores."""

# ruff: noqa: E501 -- the code that is replaced stands here as it stands there

from tests.mutants.catalogue import parsed

STORES = parsed("""
@@ stores/file.py I3: a file written without comparing
by tests/auth/test_stores.py::TestFileStore::test_a_write_needs_the_revision_that_is_there
-            if (current.revision if current else 0) != expected_revision:
-                return False
@@ stores/file.py I3: a file written without its lock
by tests/auth/test_stores.py::TestFileStore::test_of_many_threads_one_wins_each_revision
-with self._trouble("write"), self._locks.writing():
+with self._trouble("write"):
@@ stores/file.py I7: not on disk when it is published
by tests/auth/test_file_store.py::test_a_write_is_on_disk_before_it_is_visible
-            os.fsync(descriptor)
@@ stores/memory.py I3: memory written without comparing
by tests/auth/test_stores.py::TestMemoryStore::test_a_write_needs_the_revision_that_is_there
-            if (current.revision if current and writer == os.getpid() else 0) != expected_revision:
-                return False
@@ stores/file.py a foreign token file is read
by tests/auth/test_file_store.py::test_a_file_of_another_user_is_not_used
-        if status.st_uid != os.geteuid():
+        if False:
@@ stores/file.py others may read the token file
by tests/auth/test_file_store.py::test_a_file_that_others_can_read_is_not_used
-        if status.st_mode & 0o077:
+        if False:
@@ stores/file.py a symlink is followed
by tests/auth/test_file_store.py::test_a_symlink_is_not_followed
-os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
+os.O_RDONLY | os.O_NONBLOCK
@@ stores/_locks.py a side file's symlink is followed
by tests/auth/test_file_store.py::test_a_symlink_for_a_side_file_is_not_followed
-os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) |
+os.O_RDWR |
@@ stores/file.py a pipe in the file's place is read
by tests/auth/test_file_store.py::test_a_pipe_in_place_of_the_file_does_not_hang
-        if not stat.S_ISREG(status.st_mode):
+        if False:
@@ stores/file.py I4: a file written in place
by tests/auth/test_file_store.py::test_a_write_is_on_disk_before_it_is_visible
-        new.replace(path)
+        path.write_bytes(content)
+        new.unlink()
@@ stores/file.py I7: a file whose name is not on disk
by tests/auth/test_file_store.py::test_a_write_is_on_disk_before_it_is_visible
-    _fsync_folder(path.parent)
+    pass
@@ stores/_locks.py I1: an unlinked lock file
by tests/auth/test_file_store.py::test_side_files_are_never_deleted
-        if descriptor is not None:
-            _give_back(descriptor)
+        if descriptor is not None:
+            self._refresh_lock(key).unlink()
+            _give_back(descriptor)
@@ stores/file.py a token file with the umask's mode
by tests/auth/test_file_store.py::test_files_are_private_whatever_the_umask
-os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
+os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
@@ stores/file.py a damaged file is deleted
by tests/auth/test_file_store.py::test_a_damaged_file_is_moved_aside_and_nothing_is_lost
-        self._path.rename(aside)
+        self._path.unlink()
@@ stores/file.py litter of a write that failed
by tests/auth/test_file_store.py::test_a_write_that_fails_leaves_the_old_file_and_no_litter
-        os.unlink(path)  # noqa: PTH108 -- an entry of a folder is no Path
+        pass
@@ stores/file.py tokens that a killed write left stay
by tests/auth/test_file_store.py::test_what_a_killed_write_left_goes_with_the_next_write
-    _drop_unfinished(path)
@@ stores/_entries.py parts that a cut write left stay
by tests/stores/test_keyring.py::test_the_parts_of_a_write_that_was_cut_go_with_the_next_one_of_whatever_size
-        with contextlib.suppress(Exception):
+        if 'slot' in before or slot is not None:
@@ stores/file.py a damaged record takes the others along
by tests/auth/test_file_store.py::test_a_damaged_entry_is_moved_aside_alone_and_the_others_stay
-            raise self._without(entries, key, str(error)) from None
+            raise self._quarantined(str(error)) from None
@@ stores/_locks.py I1: a child forked under the lock keeps it
by tests/stores/test_locks.py::test_a_child_forked_under_a_lock_does_not_keep_it
-        fcntl.flock(descriptor, fcntl.LOCK_UN)
+        pass
@@ _tokens.py I4: an active record without a pair
by tests/auth/test_records.py::test_a_damaged_record_stays_until_signing_in_replaces_it
-    if status is Status.ACTIVE:
+    if status is Status.ACTIVE and body["access_token"]:
@@ stores/file.py no warning of a network file system
by tests/stores/test_network_file_systems.py::test_a_token_file_on_a_network_file_system_is_warned_about_once_with_the_remedy
-        if (kind := network_file_system(self._path)) is not None:
+        if (kind := None) is not None:
@@ stores/file.py the mount that is hidden counts
by tests/stores/test_network_file_systems.py::test_the_longest_mount_point_tells_the_file_system
-len(point) >= longest
+len(point) > longest
@@ stores/memory.py I1: memory's lock is given back by anybody
by tests/auth/test_stores.py::TestMemoryStore::test_only_the_holder_unlocks
-            if self._holders.get(key) == owner:
+            if key in self._holders:
@@ stores/redis.py I3: Redis written without comparing
by tests/stores/test_redis.py::TestRedisStore::test_a_write_needs_the_revision_that_is_there
-if (now[1] or '0') ~= ARGV[1] then return 0 end
-r
+r
@@ stores/redis.py I1: a lease of Redis is given back by anybody
by tests/stores/test_redis.py::TestRedisStore::test_only_the_holder_unlocks
-if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
+if true then return redis.call('DEL', KEYS[1]) end
@@ stores/redis.py I5: a lease of Redis without an end
by tests/stores/test_redis.py::test_a_lease_ends_by_itself
-ARGV[1], 'NX', 'PX', ARGV[2])
+ARGV[1], 'NX')
@@ stores/redis.py a record of Redis without an end
by tests/stores/test_redis.py::test_a_record_outlives_the_refresh_token_and_each_write_gives_it_a_new_life
-redis.call('PEXPIRE', KEYS[1], ARGV[5])
-r
+r
@@ stores/encrypted.py I4: encrypted records can be swapped
by tests/stores/test_encrypted.py::test_a_record_that_was_tampered_with_is_a_damaged_one
-    return key.encode()  # the record's name is authenticated too, so that nobody swaps records
+    return b""
@@ stores/encrypted.py I3: another key writes over an encrypted record
by tests/stores/test_encrypted.py::test_another_key_neither_reads_nor_overwrites
-            self.load(key)  # refuses what another key wrote; if that changes now, so does the revision
+            pass
@@ _tokens.py I3: a store without a key writes over encrypted records
by tests/auth/test_records.py::test_what_another_reader_could_use_is_never_overwritten
-    if stored.data.startswith(ENCRYPTED):
+    if False:
@@ _tokens.py I3: an older version writes over a later format
by tests/auth/test_records.py::test_what_another_reader_could_use_is_never_overwritten
-    if isinstance(body, dict) and isinstance(number := body.get("format"), int) and number > FORMAT:
+    if number := 0:
@@ _tokens.py a damaged record bars the way for ever
by tests/auth/test_records.py::test_a_damaged_record_stays_until_signing_in_replaces_it
-            if damaged_is_none:
+            if False:
@@ _tokens.py the bytes of a write that failed stand in a traceback
by tests/auth/test_secrecy.py::test_the_frames_of_an_error_show_no_token
-            failure = error.again()  # the frames below hold the tokens, and crash reporters show frames
+            raise
@@ protocols.py I3: a record begun anew looks like the one before
by tests/auth/test_stores.py::TestMemoryStore::test_first_revisions_differ
-    return 1 + int.from_bytes(os.urandom(5), "big")
+    return 1
@@ stores/memory.py I15: a forked child takes its parent's record
by tests/stores/test_places.py::test_what_came_along_in_a_fork_is_a_configuration_error_at_the_first_look
-        if writer != os.getpid():
+        if False:
@@ _tokens.py a forked child cannot sign in over its parent's record
by tests/stores/test_places.py::test_a_forked_child_may_sign_in_where_its_parents_tokens_are
-        except ConfigurationError:  # MemoryStore: it belongs to the process that this one was forked from
+        except ZeroDivisionError:
@@ stores/file.py a relative HOME moves the tokens with the process
by tests/stores/test_places.py::test_a_relative_variable_is_ignored_so_that_the_default_does_not_move_with_the_process
-        if (home := Path(os.environ.get("HOME", ""))).is_absolute():
+        if home := Path(os.environ.get("HOME", "")):
@@ stores/file.py a relative XDG_STATE_HOME moves the tokens with the process
by tests/stores/test_places.py::test_a_relative_variable_is_ignored_so_that_the_default_does_not_move_with_the_process
-    elif (state := Path(os.environ.get("XDG_STATE_HOME", ""))).is_absolute():
+    elif state := Path(os.environ.get("XDG_STATE_HOME", "")):
@@ stores/redis.py a user's own Redis client is closed
by tests/stores/test_places.py::test_a_client_of_ones_own_is_not_closed_by_the_store
-        if self._url is not None:
-            self._client.close()
+        self._client.close()
@@ stores/redis.py Redis' words are quoted
by tests/stores/test_redis.py::test_the_code_of_an_unknown_error_is_shown_and_not_its_text
-    return f"{type(error).__name__} ({code[0]})" if code else type(error).__name__
+    return str(error) if code else str(error)
@@ stores/keyring.py I3: a keyring written without comparing
by tests/stores/test_keyring.py::TestKeyringStore::test_a_write_needs_the_revision_that_is_there
-            if (current.revision if current else 0) != expected_revision:
-                return False
@@ stores/_entries.py I4: parts of two records are put together
by tests/stores/test_keyring.py::test_a_record_whose_parts_do_not_fit_is_moved_with_them
-        if _digest(whole) != head.get("sha256"):
+        if False:
@@ stores/_entries.py I7: the head of a keyring's entry before its parts
by tests/stores/test_keyring.py::test_a_write_that_is_cut_leaves_the_old_record_and_the_next_one_cleans_up
-            head = self._write_parts(key, slot, text)
-        self._backend.set_password(self._service, key, head)
+            head = json.dumps({"format": FORMAT, "slot": slot, "parts": -(-len(text) // LONGEST), "sha256": _digest(text)})
+        self._backend.set_password(self._service, key, head)
+        if slot is not None:
+            self._write_parts(key, slot, text)
@@ stores/keyring.py I5: a keyring that hangs is waited for
by tests/stores/test_keyring.py::test_a_hanging_keyring_is_given_up_and_works_again_later
-            return future.result(self._patience)
+            return future.result()
@@ stores/keyring.py a keyring that keeps nothing is taken
by tests/stores/test_keyring.py::test_a_system_without_a_keyring_says_what_to_do
-        if isinstance(backend, keyring.backends.fail.Keyring | keyring.backends.null.Keyring):
+        if False:
@@ stores/keyring.py I3: a keyring's late write behind its caller's back
by tests/stores/test_keyring.py::test_a_hanging_keyring_is_given_up_and_works_again_later
-            future.cancel()  # if it was
+            pass  # if it was
@@ stores/keyring.py a keyring that hangs keeps the process alive
by tests/stores/test_keyring.py::test_a_keyring_that_hangs_keeps_no_process_alive
-daemon=True
+daemon=False
@@ stores/keyring.py I7: a keyring is not asked at the end of the process
by tests/stores/test_keyring.py::test_where_no_thread_can_be_started_the_keyring_is_asked_without_a_bound
-            self._do(work, future)
-
+            pass
+
""")
