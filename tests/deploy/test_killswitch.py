"""The file itself: whatever anybody writes into it asks for something, and never for less than was meant."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.deploy import killswitch
from autotroph.deploy.killswitch import Pull, Switch, understood

TASKS = ("reply", "route")


@pytest.mark.parametrize(
    ("content", "tasks", "every"),
    [
        (b"", {}, True),
        (b" \n\t\n", {}, True),
        (b"reply", {"reply": ""}, False),
        (b"reply\nroute\n", {"reply": "", "route": ""}, False),
        (b"  reply   release 0  \r\n", {"reply": "release 0"}, False),
        (b"\xef\xbb\xbfreply better", {"reply": "better"}, False),
        (b"reply\nrply", {"reply": ""}, True),
        (b"rollback everything!!", {}, True),
    ],
)
def test_lines_are_tasks_and_their_releases_and_nothing_is_everything(content, tasks, every):
    found = understood(content, TASKS)
    assert (found.tasks, found.every) == (tasks, every)


@given(st.binary(max_size=200))
def test_whatever_it_holds_takes_something_back(content):
    found = understood(content, TASKS)
    assert any(found.covers(task) for task in TASKS)
    assert found.every or not found.faults


@given(st.binary(max_size=60), st.sampled_from(TASKS))
def test_a_line_that_is_understood_is_not_lost_in_rubbish(rubbish, task):
    assert understood(rubbish + b"\n" + task.encode(), TASKS).covers(task)


class TestLooking:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "ledger.db.rollback"

    def test_nothing_is_asked_for_until_it_is_there_and_once_it_is_gone(self, path):
        switch = Switch(path, TASKS)
        assert switch.glance() is None
        path.touch()
        assert switch.glance() == Pull(every=True)
        path.unlink()
        assert switch.glance() is None
        assert switch.fault == ""

    def test_the_same_file_is_the_same_pull_and_another_content_another(self, path):
        switch = Switch(path, TASKS)
        path.write_text("reply")
        first = switch.glance()
        assert switch.glance() is first
        path.write_text("route")
        assert switch.glance().tasks == {"route": ""}

    def test_it_is_read_again_only_when_it_has_changed(self, path, monkeypatch):
        read = []
        monkeypatch.setattr(killswitch, "understood", lambda *said: read.append(said) or Pull(every=True))
        path.touch()
        switch = Switch(path, TASKS)
        for _ in range(5):
            switch.glance()
        assert len(read) == 1

    def test_what_is_no_file_or_too_long_means_everything(self, path):
        path.mkdir()
        assert Switch(path, TASKS).glance().every
        path.rmdir()
        os.mkfifo(path)  # reading it would wait for ever
        assert Switch(path, TASKS).glance().every
        path.unlink()
        path.write_bytes(b"reply\n" * killswitch.LARGEST)
        assert Switch(path, TASKS).glance().every

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_what_may_not_be_read_means_everything(self, path):
        path.write_text("reply")
        path.chmod(0)
        assert Switch(path, TASKS).glance().faults == ("it cannot be read: Permission denied",)

    def test_where_it_cannot_be_looked_at_what_was_known_last_holds(self, path):
        far = path.parent / ("n" * 300)  # a name too long for any file
        switch = Switch(far, TASKS)
        assert switch.look() is None
        assert "cannot be looked at" in switch.fault
        switch = Switch(path, TASKS)
        path.write_text("reply")
        pull = switch.glance()
        switch._name = os.fspath(far)
        assert switch.glance() is pull
        assert switch.fault

    def test_a_product_without_a_place_for_one_has_none(self):
        assert Switch(None, TASKS).glance() is None
        assert Switch(None, TASKS).look() is None
