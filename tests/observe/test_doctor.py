"""Every finding of an examination, on ledgers that have what it finds, and none on one that has not."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

import autotroph
from autotroph.clock import ReplayClock
from autotroph.errors import LedgerError
from autotroph.faces.library import Product
from autotroph.observe.doctor import Finding, Place, examine, place_of, unreadable, unused
from autotroph.records import Decision, Entry, Measurement, Reward, Signal, Verdict
from autotroph.spec import Spec, parse, template
from autotroph.spec.policies import First
from autotroph.store import open_reader

START = 1_700_000_000.0
DAY = 86_400.0
GB = 10**9
SPEC = parse(template("support"))


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    path = tmp_path / "autotroph.toml"
    path.write_text(template("support"), encoding="utf-8")
    with autotroph.open(path, clock=ReplayClock("seven", at=START)) as product:
        yield product


def use(product: Product, users: range, *, helped: bool = True) -> None:
    for number in users:
        answer = product.decide("route", {"text": "lost my card"}, user=f"u{number}")
        if helped:
            product.signal(answer.id, "resolved", number % 2 == 0)
    product.store.append().durable()


def examined(
    product: Product, spec: Spec = SPEC, *, days: float = 0.0, place: Place | None = None
) -> list[Finding]:
    product.store.append().durable()
    return examine(product.store, spec, START + days * DAY, place=place)


def about(subject: str, found: list[Finding]) -> list[str]:
    """What is the matter with something."""
    return [one.what for one in found if one.subject == subject and one.grade != "fine"]


def way_out(what: str, found: list[Finding]) -> str:
    (one,) = (one for one in found if what in one.what)
    return one.way_out


def changed(text: str, to: str) -> Spec:
    assert text in template("support")
    return parse(template("support").replace(text, to))


def declared(more: str) -> Spec:
    return parse(template("support") + more)


# nothing is the matter -----------------------------------------------------------------------------------


def test_a_product_that_turns_is_fine_but_for_what_it_does_not_declare(product: Product) -> None:
    use(product, range(250))
    product.clock.advance(START + 2 * DAY)
    product.cycle()
    found = examined(product, days=2, place=Place(Path(product.store.path), 10**6, 50 * GB))
    assert {one.grade for one in found} == {"look", "fine"}
    assert [one.what[:36] for one in found if one.grade == "look"] == [
        "candidate 'learn' waits at the gate:",
        "none is declared, so nobody checks t",
    ]
    assert {"file", "chain", "steps", "users", "heard"} <= {
        one.subject for one in found if one.grade == "fine"
    }
    assert all(one.way_out for one in found if one.grade != "fine")


def test_what_is_broken_comes_first(product: Product) -> None:
    use(product, range(3))
    reward = Reward(decision="d", name="resolved_fast", version="v", value=1.0, final=True, at=START)
    product.store.append(reward, reward)
    grades = [one.grade for one in examined(product)]
    assert grades == sorted(grades, key=("broken", "look", "fine").index)
    assert {"broken", "look", "fine"} == set(grades)


# the ledger ----------------------------------------------------------------------------------------------


def test_an_edited_row_of_the_chain(product: Product) -> None:
    found = behind(product, "DROP TRIGGER journal_keep; UPDATE journal SET actor = 'nobody'")
    (what,) = about("chain", found)
    assert "was edited" in what
    assert "autotroph restore" in way_out(what, found)


def test_a_text_whose_row_is_not_there(product: Product) -> None:
    use(product, range(1))
    found = behind(product, "DELETE FROM decisions")
    assert any("of decision_texts belongs to a row of decisions" in what for what in about("file", found))


def test_an_index_that_does_not_fit(product: Product) -> None:
    use(product, range(1))
    wrong = "sql = 'CREATE INDEX signals_subject ON signals (name, subject)'"
    edit = f"UPDATE sqlite_schema SET {wrong} WHERE name = 'signals_subject'"
    found = behind(product, f"PRAGMA writable_schema = 1; {edit}")
    assert any("signals_subject" in what for what in about("file", found))


def test_a_gap_in_the_steps_of_the_schema(product: Product) -> None:
    (what,) = about("steps", behind(product, "DELETE FROM steps WHERE number = 1"))
    assert "took these steps: 2" in what


def test_a_table_that_is_gone_is_told_and_the_rest_is_looked_at(product: Product) -> None:
    found = behind(product, "DROP TABLE rewards")
    assert any("no such table" in what for what in about("ledger", found))
    assert about("outcomes", found)


def test_pages_that_are_damaged_are_told(product: Product) -> None:
    use(product, range(200))
    path = Path(product.store.path)
    product.close()
    body = bytearray(path.read_bytes())
    for at in range(len(body) * 2 // 3 // 4096 * 4096, len(body), 4096):
        body[at : at + 64] = b"\xff" * 64
    path.write_bytes(bytes(body))
    with closing(open_reader(path)) as reader:
        found = examine(reader, SPEC, START, place=place_of(path))
    assert any(one.grade == "broken" for one in found)
    assert any(
        "damaged" in one.what or "malformed" in one.what or "database disk image" in one.what for one in found
    )


def test_two_final_rewards_of_one_version(product: Product) -> None:
    first = Reward(decision="d", name="kept", version="v", value=1.0, final=True, at=START)
    product.store.append(first, replace(first, version="w"), replace(first, final=False))
    product.store.append(replace(first, value=0.0), first)  # late signals moved it, and back
    assert not about("rewards", examined(product))
    product.store.append(first)
    (what,) = about("rewards", examined(product))
    assert what.startswith("1 final value of a measure stored again")


def test_decisions_that_never_came_to_an_end(product: Product) -> None:
    use(product, range(1))
    one = product.store.get(Decision)
    product.store.append(replace(one, id="cut short", sequence=0))
    assert not about("completions", examined(product, days=0.5))
    found = examined(product, days=2)
    assert about("completions", found) == ["1 decision of more than a day ago never came to an end"]
    query = way_out("never came to an end", found).removeprefix('autotroph sql "').removesuffix('"')
    assert [row[0] for row in product.store.query(query).rows] == ["cut short"]


def test_rows_of_the_future(product: Product) -> None:
    use(product, range(1))
    product.signal("decision", "resolved", True, at=START + 60)
    assert not about("times", examined(product))
    product.signal("decision", "resolved", True, at=START + 7200)
    assert about("times", examined(product)) == ["1 signal of the future, by up to 2.0 hours"]


@pytest.mark.parametrize(
    ("size", "free", "told"), [(1, 2 * GB, False), (1, GB // 2, True), (9 * GB, 8 * GB, True)]
)
def test_a_disk_that_is_nearly_full(product: Product, size: int, free: int, told: bool) -> None:
    found = examined(product, place=Place(Path(product.store.path), size, free))
    assert bool(about("disk", found)) is told


def test_a_ledger_larger_than_declared(product: Product) -> None:
    use(product, range(50))
    assert not about("size", examined(product, declared('[retention]\nlargest = "1GB"\n')))
    found = examined(product, declared('[retention]\nlargest = "1KB"\n'))
    assert "1.0 KB are declared as its largest" in about("size", found)[0]


def test_ledgers_that_were_put_aside(product: Product) -> None:
    ledger = Path(product.store.path)
    aside = ledger.with_name(f"{ledger.name}.before-20260101T000000Z")
    aside.write_bytes(b"")
    ledger.with_name(f".{ledger.name}.restoring").mkdir()
    found = examined(product, place=place_of(ledger))
    assert len(about("put aside", found)) == 2
    assert way_out("erasures do not reach it", found).endswith(f"rm {aside}")


def test_rows_of_a_class_that_is_not_declared(product: Product) -> None:
    use(product, range(1))
    one = product.store.get(Signal)
    odd = replace(one, id="s", key="k", terms=replace(one.terms, retention="short"), sequence=0)
    product.store.append(odd)
    found = examined(product)
    assert "1 row of the class 'short'" in about("retention", found)[0]
    assert way_out("'short'", found) == '[retention] classes = { short = "400d" }'
    mended = declared('[retention]\nclasses = { short = "400d" }\n')
    assert not about("retention", examined(product, mended))


def test_ids_that_are_addresses_are_told_without_being_said(product: Product) -> None:
    for user in ("ann@shop.example", "bob@shop.example", "+49 30 901820", "u1"):
        product.decide("route", {"text": "hello"}, user=user)
    found = examined(product)
    assert about("users", found) == [
        "2 user ids that look like an e-mail address",
        "1 user id that look like a telephone number",
    ]
    assert not any("ann@" in f"{one.what}{one.way_out}" for one in found)


def test_decisions_that_went_unrecorded(product: Product) -> None:
    entry = Entry(
        actor="loop", event="decisions unrecorded", subject="support", details={"decisions": 7}, at=START
    )
    product.store.append(entry, entry)
    assert about("unrecorded", examined(product)) == [
        "14 decisions of the last 30 days were answered and not recorded"
    ]
    assert not about("unrecorded", examined(product, days=31))


def test_bytes_that_may_linger(product: Product) -> None:
    assert not about("erasures", examined(product))
    product.store.remove({Signal: [1]}).durable()
    assert about("erasures", examined(product)) == [
        "rows were removed, and their bytes may still be in the files"
    ]


def test_signals_that_find_no_decision(product: Product) -> None:
    use(product, range(30))
    product.signal("elsewhere", "resolved", True)
    assert not about("signals", examined(product))
    product.signal("nowhere", "resolved", True)
    assert about("signals", examined(product)) == ["2 of 32 signals are about decisions that are not here"]


# the loop ------------------------------------------------------------------------------------------------


def test_a_reward_whose_signal_never_comes(product: Product) -> None:
    use(product, range(60), helped=False)
    assert not about("route", examined(product, days=0.5))[1:]
    (what,) = [one for one in about("route", examined(product, days=2)) if "its reward needs" in one]
    assert what == "its reward needs 'resolved', which never came, in 60 decisions"


def test_a_signal_that_is_rare_is_told_unless_silence_means_something(product: Product) -> None:
    use(product, range(60), helped=False)
    use(product, range(60, 62))
    assert not any("its reward needs" in one for one in about("route", examined(product, days=2)))
    unknown = changed("silent = { resolved = false }", 'silent = { resolved = "unknown" }')
    found = about("route", examined(product, unknown, days=2))
    assert "its reward needs 'resolved', which came for 2 of 62 decisions" in found


def test_a_signal_about_a_session_counts_for_its_decisions(product: Product) -> None:
    spec = changed('resolved = { type = "boolean" }', 'resolved = { type = "boolean", about = "session" }')
    for number in range(60):
        product.decide("route", {"text": "hello"}, user=f"u{number}", session=f"s{number}")
    product.store.append().durable()
    one = Signal(id="s", name="resolved", about="session", subject="s1", value=True, at=START)
    assert any("never came" in what for what in about("route", examined(product, spec, days=2)))
    product.store.append(one)
    assert not any("never came" in what for what in about("route", examined(product, spec, days=2)))


def test_what_is_not_declared_and_nobody_would_miss(product: Product) -> None:
    found = examined(product, changed("holdback = 0.02", "holdback = 0.0"))
    assert "nobody checks the rewards" in about("outcomes", found)[0]
    assert way_out("held back", found) == "[ladder] holdback = 0.02"
    assert not about("holdback", examined(product))
    assert not any(
        "nobody checks" in what
        for what in about("outcomes", examined(product, declared('[outcomes.revenue]\nvalue = "resolved"\n')))
    )


def test_a_task_without_a_reward_or_a_track(product: Product) -> None:
    text = template("support")
    spec = parse(text[: text.index("[tracks.learn]")] + text[text.index("[gate]") :])
    found = examined(product, spec)
    assert "no track makes candidates for it" in about("route", found)
    assert way_out("no track", found) == '[tracks.NAME] kind = "policy" task = "route"'
    assert any(
        "declares no reward" in what
        for what in about(
            "route",
            examined(
                product, parse(text[: text.index("[tracks.learn]")].replace('reward = "resolved_fast"', ""))
            ),
        )
    )


def test_rewards_without_a_lift_or_a_gate(product: Product) -> None:
    use(product, range(200))
    rewards = [
        Reward(decision=one.id, name="resolved_fast", version="v", value=1.0, final=True, at=START)
        for one in product.store.scan(Decision)
    ]
    assert not any("lift" in what for what in about("route", examined(product)))
    product.store.append(*rewards)
    assert "200 final rewards, and no lift over release 0 was measured" in about("route", examined(product))
    assert not any("gate's fold" in what for what in about("route", examined(product)))
    lift = {
        "value": 0.1,
        "low": -0.1,
        "high": 0.3,
        "n": 10,
        "alpha": 0.05,
        "since": 0,
        "until": 9,
        "at": START,
    }
    product.store.append(Measurement(name="lift over release 0", task="route", **lift))
    assert not any("lift" in what for what in about("route", examined(product)))
    found = behind(product, "UPDATE decisions SET fold = 'tracks'")
    assert any("none in the gate's fold" in what for what in about("route", found))


def test_a_task_that_stands_still_though_it_is_used(product: Product) -> None:
    use(product, range(5))
    product.cycle()
    still = "nothing was promoted for 40 days"
    assert not any(still in what for what in about("route", examined(product, days=40)))
    product.clock.advance(START + 39 * DAY)
    use(product, range(5, 10))
    assert any(still in what for what in about("route", examined(product, days=40)))
    assert not any("nothing was promoted" in what for what in about("route", examined(product, days=29)))
    product.store.append(verdict("c", "promoted", at=START + 35 * DAY))
    assert not any("nothing was promoted" in what for what in about("route", examined(product, days=40)))


def test_more_candidates_than_the_evidence_is_good_for(product: Product) -> None:
    for number in range(5):
        product.propose("route", f"c{number}", policy=First())
    assert not any("are open" in what for what in about("route", examined(product)))
    product.propose("route", "one more", policy=First())
    assert any(what.startswith("6 candidates are open") for what in about("route", examined(product)))


def test_candidates_that_are_all_refused(product: Product) -> None:
    product.store.append(*(verdict(f"c{number}", "refused") for number in range(9)))
    assert not any("were refused" in what for what in about("route", examined(product)))
    product.store.append(verdict("c9", "hold"), verdict("c9", "refused"))
    assert "the last 10 candidates were refused" in about("route", examined(product))
    product.store.append(verdict("c10", "promoted"))
    assert not any("were refused" in what for what in about("route", examined(product)))


def test_what_status_names_is_named(product: Product) -> None:
    assert "no decision yet" in about("route", examined(product))
    found = examined(product, changed('kind = "uniform"', 'kind = "first"'))
    assert about("declaration", found) == ["the declaration has changed since the product was last opened"]


# no ledger to look at ------------------------------------------------------------------------------------


def test_a_ledger_that_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(LedgerError) as raised:
        open_reader(path)
    (found,) = unreadable(raised.value)
    assert found.grade == "broken"
    assert "this is not a database" in found.what
    assert "autotroph restore" in found.way_out


def test_a_product_that_was_never_opened() -> None:
    assert [one.grade for one in unused(SPEC)] == ["look"]


def behind(product: Product, sql: str) -> list[Finding]:
    """What is found after somebody changed the file behind the ledger's back."""
    path = Path(product.store.path)
    product.close()
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("foreign_keys", 0)
        connection.execute(sql)
    with closing(open_reader(path)) as reader:
        return examine(reader, SPEC, START, place=place_of(path))


def verdict(candidate: str, finding: str, at: float = START) -> Verdict:
    return Verdict(
        id=f"{candidate} {finding}",
        task="route",
        candidate=candidate,
        judge="gate",
        finding=finding,
        reason="",
        evidence={},
        alpha=0.05,
        at=at,
    )
