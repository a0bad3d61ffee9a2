"""The policy and drafters without a model: asked where their drafts are worth a row."""

from __future__ import annotations

from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.policy import Candidate, Outcome, Timing
from flexserve_core.policy.simulator import Machine
from flexserve_core.speculation.tree import EMPTY_TREE, TreeBuilder

from .simulated import CPU, DEPTH, RISING, Plain, machine, policy, recordings, speed


def test_drafts_that_come_true_are_noticed_though_nobody_verified_them():
    chosen = policy(RISING, None)
    builder = TreeBuilder()
    builder.add_chain([7, 8], -0.2, "text")
    draft = builder.build()
    candidate = Candidate(1, False, 20, DEPTH, (0,))

    def kept_after(emitted) -> int:
        for _ in range(60):
            chosen.observe(
                [Outcome(candidate, (draft,), (2,), EMPTY_TREE, (), emitted)], Timing(1, 20, 0.05, (1e-5,))
            )
        chosen.depths([candidate], 0)
        return len(chosen.select([candidate], [draft], 0)[0])

    assert kept_after((9,)) == 0
    cheaper = Timing(8, 20, 0.06, (1e-5,))
    for _ in range(60):
        chosen.observe([], cheaper)  # rows cost little now
    assert kept_after((9,)) == 0
    assert kept_after((7,)) == 2


def test_text_drafts_that_never_come_true_are_left_alone():
    """What they cost is small, but a step of a small model is small, too."""
    texts = recordings(lambda p, d: 0.0, length=400)
    quick = {1: 0.002, 64: 0.004}
    costs = Machine(CostCurve(quick), (None,), call_s=2e-4)
    assert speed(policy(quick, None), texts, costs) >= 0.98 * speed(Plain(1), texts, costs)


def test_text_drafts_that_come_true_are_left_alone_where_rows_are_dear():
    """Half of them do, but a row costs a forward: none is verified, so nobody should be asked."""
    texts = recordings(lambda p, d: 0.5, length=400, stated=0.5)
    costs = Machine(CostCurve(RISING), (None,), call_s=5e-3)
    assert speed(policy(RISING, None), texts, costs) >= 0.98 * speed(Plain(1), texts, costs)


def test_a_new_text_does_not_wait_for_the_end_of_a_long_rest():
    bad = recordings(lambda p, d: 0.0, length=600, count=1)
    good = recordings(lambda p, d: 0.95, length=300, count=3, seed=1)
    costs = machine(CPU, None)
    assert speed(policy(CPU, None), [*bad, *good], costs) >= 1.25 * speed(Plain(1), [*bad, *good], costs)


def test_text_drafts_are_free_and_always_asked():
    texts = recordings(lambda p, d: 0.7)
    chosen, costs = policy(CPU, None), machine(CPU, None)
    assert speed(chosen, texts, costs) >= 1.5 * speed(Plain(1), texts, costs)
