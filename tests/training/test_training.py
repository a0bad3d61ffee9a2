"""A micro model goes the whole way: tokenizer, training, interruption, export, distillation, judging."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from training import card, checkpoint, distill, evaluate, heldout, model, pipeline, tokens, train
from training.optimizer import Optimizer, Schedule
from training.train import Budget, Recipe

LENGTH = 96
RECIPE = replace(Recipe(), schedule=Schedule(warmup=4), save_minutes=0.0, log_every=1)


@pytest.fixture(scope="module")
def tokenizer():
    return tokens.train_tokenizer(seed=3, count=600, vocabulary=640)


def _micro(tokenizer, seed=1, layers=2):
    return model.build(model.config(tokenizer, hidden=64, layers=layers, heads=1, kv_heads=1, ffn=64), seed)


@pytest.fixture(scope="module")
def trained(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("llm")
    llm = _micro(tokenizer)
    packer = tokens.Packer(tokenizer, 1, 4, LENGTH)
    state = train.run(
        llm, packer.batch, train.cross_entropy, Budget(tokens=60 * 4 * LENGTH), RECIPE, folder / "run"
    )
    model.export(llm, tokenizer, folder / "demo")
    return llm, state, folder


def test_the_loss_falls(trained):
    _, state, _ = trained
    losses = [loss for _, loss in state.curve]
    assert state.step == len(losses) == 60
    assert losses[0] > 6.0
    assert sum(losses[-5:]) / 5 < losses[0] - 1.0


def test_an_interrupted_run_ends_with_the_same_weights(tokenizer, tmp_path):
    packer, budget = tokens.Packer(tokenizer, 1, 2, LENGTH), Budget(tokens=8 * 2 * LENGTH)
    straight, broken = _micro(tokenizer), _micro(tokenizer)
    train.run(straight, packer.batch, train.cross_entropy, budget, RECIPE, tmp_path / "straight")

    def breaks(step):
        if step == 5:
            raise KeyboardInterrupt
        return packer.batch(step)

    with pytest.raises(KeyboardInterrupt):
        train.run(broken, breaks, train.cross_entropy, budget, RECIPE, tmp_path / "broken")
    resumed = _micro(tokenizer, seed=9)
    state = train.run(resumed, packer.batch, train.cross_entropy, budget, RECIPE, tmp_path / "broken")
    assert state.step == 8
    for name, weight in straight.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name
    assert len(list((tmp_path / "broken").glob("*.safetensors"))) == 2


def test_a_run_continues_another_and_remembers_what_it_cost(trained, tokenizer, tmp_path):
    _, before, folder = trained
    checkpoint.continued(folder / "run", 1, tmp_path / "run")
    start = _micro(tokenizer, seed=9)
    state = checkpoint.load(tmp_path / "run", start, Optimizer(start, 1e-3, 1e-3))
    assert (state.step, state.tokens, state.curve) == (0, 0, [])
    spent = {"step": before.step, "tokens": before.tokens, "seconds": before.seconds, "seed": 1}
    assert state.earlier == [spent]
    packer, budget = tokens.Packer(tokenizer, 2, 4, LENGTH), Budget(tokens=4 * 4 * LENGTH)
    recipe = replace(RECIPE, schedule=replace(pipeline.AGAIN, warmup=4))
    after = train.run(start, packer.batch, train.cross_entropy, budget, recipe, tmp_path / "run")
    assert after.curve[0][1] < before.curve[0][1] - 1.0, "it starts where the other run ended"
    checkpoint.continued(folder / "run", 1, tmp_path / "run")
    assert checkpoint.stored(tmp_path / "run") == after, "a run under way is not begun anew"
    with pytest.raises(FileNotFoundError, match="continue_from"):
        checkpoint.continued(tmp_path / "nothing", 1, tmp_path / "other")


def test_a_continued_run_comes_back_lower_and_ends_at_nothing():
    factors = [pipeline.AGAIN.factor(10_000, progress / 10) for progress in range(11)]
    assert max(factors) == factors[0] == pipeline.AGAIN.peak < Schedule().factor(10_000, 0.0)
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] == 0.0


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch.compile's own
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_the_compiled_loss_is_the_loss(tokenizer):
    plain, fast = _micro(tokenizer), _micro(tokenizer)
    rows = tokens.Packer(tokenizer, 1, 2, LENGTH).batch(0)
    expected, got = train.cross_entropy(plain, rows), train.compiled(fast, train.cross_entropy)(fast, rows)
    assert got.item() == pytest.approx(expected.item(), abs=0.01)
    expected.backward()
    got.backward()
    wanted, found = plain.model.embed_tokens.weight.grad, fast.model.embed_tokens.weight.grad
    assert wanted is not None
    assert found is not None
    assert torch.nn.functional.cosine_similarity(wanted.flatten(), found.flatten(), 0) > 0.99


def test_the_export_loads_and_generates(trained):
    llm, _, folder = trained
    loaded = AutoModelForCausalLM.from_pretrained(folder / "demo")
    reader = AutoTokenizer.from_pretrained(folder / "demo")
    assert loaded.dtype == torch.bfloat16
    assert model.size(loaded) == model.size(llm)
    prompt = reader.apply_chat_template(
        [{"role": "user", "content": "Who are you?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    text = reader.decode(loaded.generate(**prompt, max_new_tokens=8)[0])
    assert text.startswith("<|begin|><|user|>Who are you?<|end|><|assistant|>")
    assert loaded.generation_config.eos_token_id == reader.eos_token_id


def test_the_student_comes_closer_to_its_teacher(trained, tokenizer, tmp_path):
    llm, _, _ = trained
    prompts = distill.training_prompts(tokenizer, 1, 12)
    samples = distill.own_outputs(llm, prompts, tmp_path / "own.jsonl", limit=12, chunk=8)
    assert distill.own_outputs(llm, prompts, tmp_path / "own.jsonl", limit=12) == samples, (
        "it went on, not anew"
    )
    student = _micro(tokenizer, layers=1)
    distill.start_from(student, llm)
    mixture = distill.Mixture(tokens.Packer(tokenizer, 2, 2, LENGTH), samples)
    loss = distill.against(llm)
    before = float(loss(student, mixture.batch(0)).detach())
    train.run(student, mixture.batch, loss, Budget(tokens=12 * 4 * LENGTH), RECIPE, tmp_path / "run")
    assert float(loss(student, mixture.batch(0)).detach()) < before - 0.5
    agreed = evaluate.agreement(evaluate.guesses(llm, [llm], tokenizer, heldout.prompts()[:4])[:, 0])
    assert agreed.top1 == agreed.top3 == 1.0, "a model agrees with itself"


def test_the_second_student_is_taught_where_the_first_fails(trained, tokenizer):
    llm, _, _ = trained
    first, second = _micro(tokenizer, layers=1), _micro(tokenizer, layers=1)
    for student in (first, second):
        distill.start_from(student, llm)
    rows = tokens.Packer(tokenizer, 2, 2, LENGTH).batch(0)
    with torch.no_grad():
        choice = llm(input_ids=rows.ids[:, :-1]).logits.argmax(-1)
        missed = first(input_ids=rows.ids[:, :-1]).logits.argmax(-1) != choice
        losses = torch.nn.functional.cross_entropy(
            second(input_ids=rows.ids[:, :-1]).logits.flatten(0, 1), choice.flatten(), reduction="none"
        )
    assert missed.any()
    only = (missed * rows.weights).flatten()
    expected = float((losses * only).sum() / only.sum())
    assert float(distill.boosted(llm, first, kept=0.0)(second, rows).detach()) == pytest.approx(
        expected, rel=0.02
    )
    assert float(distill.boosted(llm, llm, kept=1.0)(second, rows).detach()) != pytest.approx(
        expected, rel=0.02
    )


def test_a_pair_holds_what_either_holds(trained, tokenizer):
    llm, _, _ = trained
    other = _micro(tokenizer, seed=5, layers=1)
    hits = evaluate.guesses(llm, [other, llm], tokenizer, heldout.prompts()[:4])
    pair = evaluate.together(hits)
    assert pair.second == pair.either == 1.0, "the LLM agrees with itself"
    assert pair.first <= pair.twice < 1.0
    alone = evaluate.agreement(hits[:, 0])
    assert (alone.top1, alone.positions) == (pair.first, pair.positions)


def test_the_whole_pipeline_builds_three_folders(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(model, "llm_config", lambda tok: model.config(tok, 64, 2, 1, 1, 64))
    monkeypatch.setattr(model, "ssm_config", lambda tok: model.config(tok, 64, 1, 1, 1, 64))
    asked = heldout.prompts()[:3]
    monkeypatch.setattr(heldout, "prompts", lambda: asked)
    tokenizer.save_pretrained(tmp_path / "out" / "tokenizer")
    budget = Budget(tokens=2000)
    plan = pipeline.Plan(tmp_path / "out", 1, budget, budget, budget, own_outputs=4, rows=2, length=64)
    for step in (pipeline.train_llm, pipeline.train_ssm, pipeline.train_boosted_ssm, pipeline.judge):
        step(plan)
    pipeline.install(plan, tmp_path / "assets")
    for name in pipeline.NAMES:
        assert AutoModelForCausalLM.from_pretrained(tmp_path / "assets" / name).config.hidden_size == 64
        assert "Held-out" in (tmp_path / "assets" / name / "README.md").read_text()


def test_a_student_of_another_width_is_refused(tokenizer):
    other = model.build(model.config(tokenizer, hidden=128, layers=1, heads=2, kv_heads=1, ffn=64), 1)
    with pytest.raises(ValueError, match="hidden_size"):
        distill.start_from(other, _micro(tokenizer))


def test_judging_and_the_card(trained, tokenizer):
    llm, state, _ = trained
    verdicts = evaluate.judge(llm, tokenizer, heldout.prompts()[:6])
    table = evaluate.by_category(verdicts)
    assert sum(asked for _, asked in table.values()) == 6
    run = {**asdict(state), "seed": 1, "own_outputs": 5}
    results = {
        "llm_training": run,
        "ssm_training": run,
        "llm_heldout": {
            "parameters": 1,
            "loss": 1.5,
            "by_category": table,
            "blind": table,
            "answers": verdicts,
        },
        "ssm_heldout": {"parameters": 1, "positions": 4, "top1": 0.5, "top3": 0.75},
    }
    text = card.llm_card(json.loads(json.dumps(results, default=str)))
    passed = sum(verdict.passed for verdict in verdicts)
    assert f"{passed} / 6" in text
    assert "50.0 %" in card.ssm_card(results)


def test_a_budget_without_a_limit_is_refused():
    with pytest.raises(ValueError, match="no limit"):
        Budget()


def test_rows_hold_whole_documents_and_weigh_answers(tokenizer):
    rows = tokens.Packer(tokenizer, 1, 2, 200).batch(7)
    again = tokens.Packer(tokenizer, 1, 2, 200).batch(7)
    assert torch.equal(rows.ids, again.ids)
    assert rows.ids.shape == (2, 201)
    assert rows.weights.shape == (2, 200)
    assert (rows.ids[:, 0] == tokenizer.bos_token_id).all()
    expected = torch.tensor([0.0, tokens.USER_WEIGHT, 1.0])
    assert torch.isin(rows.weights, expected).all()
    assert (rows.weights == 1.0).any()
