"""4  What to dare: the hot path that answers, the gate, the ladder, promotion, and the way back.

| file | idea |
|---|---|
| standing.py | who serves what: a fold of the stages |
| cohorts.py | which arm a unit is in, sticky by hash |
| choose.py | the choice itself, with the probability of every option |
| models.py | models in this process, by what they know |
| upstreams/ | those who answer outside this process: asked, read, paid |
| serving.py | the hot path: a standing and a request in, a decision out |
| sources.py | what the gate asks of the other rooms |
| comparisons.py | final values side by side |
| arms.py | two concurrent arms, unit by unit |
| partners.py | units of arms of different sizes, exposed together |
| evidence.py | comparisons weighed: one increment a unit |
| guards.py | what can veto: guardrails, failures, missing rewards, segments, uneven arms |
| weighing.py | what is known about a candidate where it stands |
| lateness.py | whether the horizon sees what comes back about each arm |
| judge.py | evidence in, verdict out |
| worthwhile.py | whether the reward deserves that the gate works for it |
| sets.py | frozen sets: floors, and cases that may never regress |
| leakage.py | whether the gate's fold asks what the tracks have learned from |
| provenance.py | where a candidate comes from: what it names is there |
| waivers.py | until when a reward need not have earned trust, and who says so |
| gate.py | what is asked before anybody meets a candidate |
| ladder.py | how a verdict moves a stage |
| envelopes.py | what a release may learn within its own proof |
| refits.py | what refits a release, held to the frozen sets |
| releases.py | releases and their first stages |
| board.py | where the candidates stand, and the α they share |
| killswitch.py | a file that anybody can make, and that takes back what serves |
| retreat.py | what serves from a rollback until the ledger has it |
| experiments/ | experiments by hand: started, looked at, ended |
| desk.py | one task's deployment, all of the above together |
"""
