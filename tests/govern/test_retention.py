from autotroph.records import Completion, Decision, Entry, Reward, Signal, Terms
from autotroph.store import verify
from support_product import ask, opened, pass_time

DAY = 86_400.0
CLASSES = '[retention]\nclasses = { short = "2d", standard = "30d" }\n'


def test_what_has_outlived_its_class_goes_with_everything_about_it(tmp_path):
    with opened(tmp_path, CLASSES) as product:
        short = ask(product, "ann", terms=Terms(retention="short"))
        product.signal(short, "accepted", True).durable()
        long = ask(product, "bob")
        pass_time(product)
        assert product.retain().rows == 0
        pass_time(product, 3 * DAY)
        done = product.retain()
        assert (done.aged, done.oldest) == (4, 0)
        assert [one.id for one in product.store.scan(Decision)] == [long]
        assert list(product.store.scan(Signal)) == []
        assert {one.decision for one in product.store.scan(Completion)} == {long}
        assert product.store.get(Entry, event="let go").details == {"aged": 4, "oldest": 0}
        pass_time(product, 60 * DAY)
        product.retain()
        assert list(product.store.scan(Decision)) == list(product.store.scan(Reward)) == []
        assert verify(product.store)


def test_nothing_goes_before_it_is_finished(tmp_path):
    with opened(tmp_path, CLASSES) as product:
        ask(product, "ann", terms=Terms(retention="short"))
        product.clock.advance(product.clock.now() + 10 * DAY)
        assert product.retain().rows == 0
        product.cycle()
        assert product.retain().aged == 3


def test_what_is_not_declared_is_kept_for_ever(tmp_path):
    with opened(tmp_path) as product:
        ask(product, "ann")
        pass_time(product, 10_000 * DAY)
        assert product.retain().rows == 0


def test_an_orphan_goes_with_its_own_age(tmp_path):
    with opened(tmp_path, CLASSES) as product:
        product.signal("nobody's", "accepted", True, terms=Terms(retention="short")).durable()
        pass_time(product, 3 * DAY)
        assert product.retain().aged == 1


def test_the_oldest_finished_interactions_make_room(tmp_path):
    with opened(tmp_path, '[retention]\nlargest = "1MB"\n') as product:
        ids = [ask(product, f"user {n}", "x" * 20_000) for n in range(80)]
        assert product.retain().rows == 0
        pass_time(product)
        assert product.store.size() > 1_000_000
        assert product.retain().oldest > 0
        assert product.store.size() <= 1_000_000
        left = {one.id for one in product.store.scan(Decision)}
        assert left == set(ids[-len(left) :])
        full = product.store.size()
        for n in range(80, 100):
            ask(product, f"user {n}", "x" * 20_000)
        pass_time(product)
        product.retain()
        assert product.store.size() <= max(full, 1_000_000)
