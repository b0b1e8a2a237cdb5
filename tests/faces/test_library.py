import msgspec
import pytest

from autotroph.errors import Conflict, InputError, LedgerError, SpecError, UnknownName
from autotroph.records import Decision, Proposal, Signal, Stage
from typing_product import TOML, Typists, by, opened, rounds, serving, use, word


@pytest.fixture
def product(tmp_path):
    with opened(tmp_path) as product:
        yield product


class TestDeciding:
    def test_the_same_key_gives_the_same_answer_stored_once(self, product):
        answers = [product.decide("finish", {"number": 1}, key="k") for _ in range(3)]
        assert len({one.id for one in answers}) == 1
        answers[0].durable()
        assert len(list(product.store.scan(Decision))) == 1

    def test_the_same_key_gives_the_same_answer_after_reopening(self, tmp_path):
        with opened(tmp_path) as product:
            before = product.decide("finish", {"number": 1}, key="k")
        with opened(tmp_path) as product:
            after = product.decide("finish", {"number": 1}, key="k")
            assert (after.id, after.output) == (before.id, before.output)

    def test_the_same_key_for_other_inputs_is_a_conflict(self, product):
        product.decide("finish", {"number": 1}, key="k")
        with pytest.raises(Conflict, match="used before"):
            product.decide("finish", {"number": 2}, key="k")

    @pytest.mark.parametrize("inputs", [{"number": 1, "x": object()}, {1: 2}])
    def test_inputs_that_are_no_json_are_refused_and_nothing_is_stored(self, product, inputs):
        with pytest.raises(InputError):
            product.decide("finish", inputs)
        assert list(product.store.scan(Decision)) == []

    def test_a_typo_is_answered_with_the_right_word(self, product):
        with pytest.raises(UnknownName, match="Did you mean 'finish'"):
            product.decide("finnish", {"number": 1})

    def test_a_missing_unit_is_said(self, tmp_path):
        with (
            opened(tmp_path, TOML.replace('unit = "decision"', 'unit = "user"')) as product,
            pytest.raises(InputError, match="pass user="),
        ):
            product.decide("finish", {"number": 1})

    def test_options_given_with_the_call_are_what_is_chosen_from(self, product):
        given = [Proposal("fair:x", "hello", {"sure": 1})]
        assert product.decide("finish", {"number": 1}, options=given).output == "hello"

    def test_a_decision_that_was_acknowledged_is_there(self, product):
        answer = product.decide("finish", {"number": 1}).durable()
        stored = product.store.get(Decision, id=answer.id)
        assert msgspec.structs.replace(stored, sequence=0) == answer.decision


class TestSignalling:
    def test_a_signal_shares_the_fold_of_its_decision_even_if_it_comes_at_once(self, product):
        answers = [product.decide("finish", {"number": n}, session=f"s{n}") for n in range(150)]
        more = []
        for n in range(150, 300):
            answer = product.decide("finish", {"number": n}, session=f"s{n}")
            product.signal(answer.id, "written", word(n))
            more.append(answer)
        product.store.append().durable()
        folds = {one.subject: one.fold for one in product.store.scan(Signal)}
        assert folds == {one.id: one.decision.fold for one in more}
        assert {one.decision.fold for one in answers} == {"gate", "tracks"}

    @pytest.mark.parametrize("value", [True, 1.0, None])
    def test_a_value_of_another_type_is_refused(self, product, value):
        with pytest.raises(InputError, match="declared text"):
            product.signal("decision_1", "written", value)

    def test_sent_twice_is_stored_once(self, product):
        answer = product.decide("finish", {"number": 1})
        for _ in range(3):
            product.signal(answer.id, "written", "word").durable()
        assert len(list(product.store.scan(Signal))) == 1


class TestOpening:
    @pytest.mark.parametrize(
        ("said", "key"),
        [
            ('parameters = { signal = ["lesson"] }', "tracks.adapt.parameters.signal: unknown key"),
            ('parameters = { signals = ["leson"] }', "Did you mean 'lesson'"),
            ("parameters = { signals = 3 }", "tracks.adapt.parameters.signals: Expected `array`"),
        ],
    )
    def test_a_tracks_parameters_are_checked_by_name(self, tmp_path, said, key):
        toml = TOML + f'\n[tracks.adapt]\nkind = "adapt"\ntask = "finish"\n{said}\n'
        with pytest.raises(SpecError, match=key):
            opened(tmp_path, toml)

    @pytest.mark.parametrize("caution", ["-1.0", '"much"', "inf", "nan"])
    def test_a_caution_out_of_range_is_refused(self, tmp_path, caution):
        toml = (
            f'{TOML}\n[tracks.p]\nkind = "policy"\ntask = "finish"\nparameters = {{ caution = {caution} }}\n'
        )
        with pytest.raises(SpecError, match=r"autotroph.toml.*tracks\.p\.parameters"):
            opened(tmp_path, toml)

    def test_two_writers_are_one_too_many(self, product, tmp_path):
        with pytest.raises(LedgerError, match="already open"):
            opened(tmp_path)
        product.decide("finish", {"number": 1}).durable()

    def test_a_missing_model_is_named_when_it_is_needed(self, tmp_path):
        with (
            opened(tmp_path, TOML.replace('model = "typists"', 'model = "disk"'), disk=Typists()) as product,
            pytest.raises(UnknownName, match="no variant named"),
        ):
            product.propose("finish", "x", policy=by("nobody"))


class TestRollingBack:
    def test_to_a_release_that_served_before_by_its_name(self, product):
        rounds(product, 1)
        product.propose("finish", "better", policy=by("best"))
        rounds(product, 4)
        assert serving(product) == "better"
        product.rollback(to="release 0")
        assert serving(product) == "release 0"
        product.rollback(to="better")
        assert serving(product) == "better"

    def test_to_what_never_served_is_refused(self, product):
        use(product, range(5))
        with pytest.raises(UnknownName, match="release 0"):
            product.rollback(to="naive")
        stages = list(product.store.scan(Stage))
        assert [one.name for one in stages] == ["serving", "baseline"]
