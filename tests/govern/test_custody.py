import pytest

from autotroph.errors import Erased
from autotroph.ingest.arrivals import DecisionIn, SignalIn
from autotroph.records import Artefact, Completion, Decision, Signal
from support_product import OPTIONS, ask, opened, pass_time

CARD = "4111 1111 1111 1111"


class TestBlackingOut:
    def test_reaches_every_text_of_a_row_before_it_is_written(self, tmp_path):
        more = '[privacy]\nredact = ["card", "email"]\n[privacy.patterns]\nticket = "T-[0-9]+"\n'
        with opened(tmp_path, more) as product:
            id_ = ask(product, "u1", f"my card is {CARD}, ticket T-77", session="s")
            product.signal(id_, "edited", f"write to ann@example.com about {CARD}").durable()
            assert product.store.get(Decision, id=id_).inputs == {
                "text": "my card is [card], ticket [ticket]"
            }
            assert product.store.get(Signal).value == "write to [email] about [card]"
        raw = b"".join(path.read_bytes() for path in (tmp_path / ".autotroph").iterdir())
        assert CARD.encode() not in raw
        assert b"ann@example.com" not in raw

    def test_what_serves_and_what_is_recalled_see_the_same(self, tmp_path):
        with opened(tmp_path, '[privacy]\nredact = ["card"]\n') as product:
            answer = product.decide("reply", {"text": CARD}, user="u", options=OPTIONS, key="k")
            assert answer.decision.inputs == {"text": "[card]"}
            assert product.decide("reply", {"text": CARD}, user="u", options=OPTIONS, key="k").id == answer.id

    def test_answers_are_given_as_they_are(self, tmp_path):
        from autotroph.records import Proposal

        with opened(tmp_path, '[privacy]\nredact = ["email"]\n') as product:
            said = [Proposal("a", "mail ann@example.com")]
            answer = product.decide("reply", {}, user="u", options=said).durable()
            assert answer.output == "mail ann@example.com"
            assert product.store.get(Completion, decision=answer.id).output == "mail [email]"

    def test_nothing_is_touched_where_nothing_is_declared(self, tmp_path):
        with opened(tmp_path) as product:
            row = product.store.get(Decision, id=ask(product, "u1", CARD))
            assert row.inputs == {"text": CARD}
            assert product.custody.admit(row) is row


class TestTheErased:
    @pytest.fixture
    def product(self, tmp_path):
        with opened(tmp_path) as product:
            self.decision = ask(product, "ann", session="mine")
            ask(product, "bob")
            product.erase("ann")
            yield product

    def test_late_signals_about_them_are_refused(self, product):
        for subject, name, value in (
            (self.decision, "accepted", True),
            ("mine", "resolved", True),
            ("ann", "happy", 1.0),
        ):
            with pytest.raises(Erased):
                product.signal(subject, name, value)
        with pytest.raises(Erased):
            product.signal("elsewhere", "accepted", True, user="ann")

    def test_they_are_answered_and_not_recorded(self, product):
        answer = product.decide("reply", {}, user="ann", options=OPTIONS)
        assert answer.output
        assert "erased" in answer.unrecorded
        assert product.unrecorded == 0
        assert [one.user for one in product.store.scan(Decision)] == ["bob"]

    def test_they_stay_so_after_reopening(self, product, tmp_path):
        product.close()
        with opened(tmp_path) as again, pytest.raises(Erased):
            again.signal(self.decision, "accepted", True)

    def test_others_go_on(self, product):
        product.signal(ask(product, "bob"), "accepted", True).durable()
        pass_time(product)
        assert product.custody.admit(Artefact(digest="d", kind="k", body=b"")).kind == "k"


class TestIdsThatGiveSomebodyAway:
    MAIL = "ann@shop.example"

    def test_are_the_same_other_id_wherever_they_come_in(self, tmp_path):
        with opened(tmp_path, '[privacy]\nredact = ["email"]\n') as product:
            made = product.store.get(Decision, id=ask(product, self.MAIL, session="ann@s.example"))
            assert made.unit == made.user
            assert self.MAIL not in str(made)
            assert "ann@s.example" not in str(made)
            product.signal(self.MAIL, "happy", 1.0).durable()
            assert product.store.get(Signal).subject == made.user
            elsewhere = DecisionIn(task="reply", id=self.MAIL, user=self.MAIL, option="silence")
            (taken,) = product.take([elsewhere])
            assert product.take([elsewhere])[0].status == "known"
            row = product.store.get(Decision, id=taken.id)
            assert row.user == made.user
            assert self.MAIL not in str(row)
            late = SignalIn(subject=self.MAIL, name="accepted", value=True)
            assert product.take([late])[0].status == "stored"
            assert product.store.get(Signal, name="accepted").subject == row.id

    def test_are_found_and_erased_by_the_id_whatever_is_declared_then(self, tmp_path):
        with opened(tmp_path, '[privacy]\nredact = ["email"]\n') as product:
            ask(product, self.MAIL)
            assert [one["kind"] for one in product.export(self.MAIL)][:1] == ["decision"]
        with opened(tmp_path) as product:
            assert product.erase(self.MAIL).decisions == 1

    def test_stay_where_nothing_is_found_in_them(self, tmp_path):
        with opened(tmp_path, '[privacy]\nredact = ["email"]\n') as product:
            assert product.store.get(Decision, id=ask(product, "u1", session="s1")).session == "s1"
