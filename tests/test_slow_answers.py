"""Answers that take longer than a cycle are counted by the cycle in which they come, and once."""

from msgspec.structs import replace

from autotroph.records import Completion, Reward
from support_product import OPTIONS, opened, pass_time


def parted(product, user):
    """A decision now; what comes of it is given back, to be stored later."""
    answer = product.decide("reply", {"text": "?"}, user=user, options=OPTIONS)
    answer.durable()
    decision = replace(answer.decision, id=f"decision_{user}", key="", sequence=0)
    product.store.append(decision).durable()
    return decision, Completion(decision=decision.id, output="yes", at=product.clock.now())


def rewards(product, decision):
    return [one.value for one in product.store.scan(Reward, decision=decision.id)]


def test_what_came_in_a_later_cycle_is_valued_and_compared(tmp_path):
    with opened(tmp_path) as product:
        decision, completion = parted(product, "ann")
        product.signal(decision.id, "accepted", True)
        pass_time(product)
        assert rewards(product, decision) == []
        product.store.append(completion).durable()
        pass_time(product)
        assert rewards(product, decision) == [1.0]
        served = [one.id for one in product.rooms.desks["reply"].comparisons.served()]
        assert served.count(decision.id) == 1


def test_opened_again_in_between_it_is_counted_once(tmp_path):
    with opened(tmp_path) as product:
        decision, completion = parted(product, "ann")
        product.signal(decision.id, "accepted", True)
        pass_time(product)
        product.store.append(completion).durable()
    with opened(tmp_path) as product:
        pass_time(product)
        pass_time(product)
        assert rewards(product, decision) == [1.0]
        served = [one.id for one in product.rooms.desks["reply"].comparisons.served()]
        assert served.count(decision.id) == 1


def test_a_decision_of_which_nothing_came_earns_nothing(tmp_path):
    with opened(tmp_path) as product:
        decision, _ = parted(product, "ann")
        product.signal(decision.id, "accepted", True)
        pass_time(product)
        pass_time(product)
        assert rewards(product, decision) == []
