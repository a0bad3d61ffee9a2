"""The steps that rebuild the demo pair, each resumable, over one output folder.

OUT/{tokenizer,llm-run,ssm-run,ssm-2-run,own-outputs.jsonl,results.json}, and the finished folders of `NAMES`
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from training import blind, card, checkpoint, distill, evaluate, heldout, model, tokens, train
from training.optimizer import Schedule

AGAIN = Schedule(peak=0.6, decay=0.8, floor=0.0)  # of a run that continues another
NAMES = ("demo", "demo-ssm", "demo-ssm-2")
ASSETS = Path(__file__).parent.parent / "flexserve_core" / "assets"


@dataclass(frozen=True)
class Plan:
    """Where to build, from which seed, and for how long.

    `continue_from` names the output folder of an earlier build (of the seed before this one, with the same tokenizer)
    whose weights LLM and SSM start from, with a learning rate that comes back to 60 % and then falls to nothing.
    """

    out: Path
    seed: int
    llm_budget: train.Budget
    ssm_budget: train.Budget
    boost_budget: train.Budget = field(default_factory=lambda: train.Budget(minutes=5))
    own_outputs: int = 1500
    rows: int = 4
    length: int = 1024
    continue_from: Path | None = None
    compiled: bool = False


def tokenizer(plan: Plan) -> PreTrainedTokenizerFast:
    """The tokenizer of the plan, trained if it is not there yet."""
    folder = plan.out / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        tokens.train_tokenizer(plan.seed).save_pretrained(folder)
    return tokens.load_tokenizer(folder)


def train_llm(plan: Plan) -> None:
    """Trains the LLM (or goes on) and writes OUT/demo, at every checkpoint too."""
    tok = tokenizer(plan)
    llm = train.placed(model.build(model.llm_config(tok), plan.seed))
    packer = tokens.Packer(tok, plan.seed, plan.rows, plan.length, split=4)

    def write() -> None:
        model.export(llm, tok, plan.out / "demo")

    recipe, run = _begin(plan, "llm-run")
    loss = train.compiled(llm, train.cross_entropy) if plan.compiled else train.cross_entropy
    state = train.run(llm, packer.batch, loss, plan.llm_budget, recipe, run, write)
    write()
    record(plan, "llm_training", {**asdict(state), "seed": plan.seed})


def _begin(plan: Plan, run: str) -> tuple[train.Recipe, Path]:
    """The recipe and folder of a run, which takes over from the same run of the earlier build if there is one."""
    if plan.continue_from is None:
        return train.Recipe(), plan.out / run
    checkpoint.continued(plan.continue_from / run, plan.seed - 1, plan.out / run)
    return train.Recipe(schedule=AGAIN), plan.out / run


def train_ssm(plan: Plan) -> None:
    """Lets the LLM answer training prompts, trains the SSM against it, writes OUT/demo-ssm."""
    llm, tok = evaluate.load(plan.out / "demo")
    train.placed(llm)
    prompts = distill.training_prompts(tok, plan.seed, plan.own_outputs)
    samples = distill.own_outputs(llm, prompts, plan.out / "own-outputs.jsonl")
    ssm = train.placed(model.build(model.ssm_config(tok), plan.seed))
    distill.start_from(ssm, llm)
    packer = tokens.Packer(tok, plan.seed + 1, plan.rows // 2, plan.length // 2)
    mixture = distill.Mixture(packer, samples)

    def write() -> None:
        model.export(ssm, tok, plan.out / "demo-ssm")

    recipe, run = _begin(plan, "ssm-run")
    state = train.run(ssm, mixture.batch, distill.against(llm), plan.ssm_budget, recipe, run, write)
    write()
    record(plan, "ssm_training", {**asdict(state), "seed": plan.seed, "own_outputs": len(samples)})


def train_boosted_ssm(plan: Plan) -> None:
    """Trains a second SSM where the first one's guess is not the LLM's choice, writes OUT/demo-ssm-2."""
    llm, tok = evaluate.load(plan.out / "demo")
    first, _ = evaluate.load(plan.out / "demo-ssm")
    ssm, _ = evaluate.load(plan.out / "demo-ssm")
    for network in (llm, first, ssm):
        train.placed(network)
    prompts = distill.training_prompts(tok, plan.seed, plan.own_outputs)
    samples = distill.own_outputs(llm, prompts, plan.out / "own-outputs.jsonl")
    packer = tokens.Packer(tok, plan.seed + 2, plan.rows // 2, plan.length // 2)
    mixture = distill.Mixture(packer, samples)

    def write() -> None:
        model.export(ssm, tok, plan.out / "demo-ssm-2")

    recipe = train.Recipe(schedule=AGAIN)
    loss, budget, run = distill.boosted(llm, first), plan.boost_budget, plan.out / "ssm-2-run"
    state = train.run(ssm, mixture.batch, loss, budget, recipe, run, write)
    write()
    record(plan, "ssm_2_training", {**asdict(state), "seed": plan.seed, "own_outputs": len(samples)})


def judge(plan: Plan) -> None:
    """Measures the three folders on held-out data and writes the model cards."""
    llm, tok = evaluate.load(plan.out / "demo")
    ssm, _ = evaluate.load(plan.out / "demo-ssm")
    second, _ = evaluate.load(plan.out / "demo-ssm-2")
    verdicts = evaluate.judge(llm, tok, heldout.prompts())
    table = evaluate.by_category(verdicts)
    unseen = evaluate.judge(llm, tok, blind.prompts())
    record(
        plan,
        "llm_heldout",
        {
            "loss": evaluate.heldout_loss(llm, tok),
            "by_category": table,
            "blind": evaluate.by_category(unseen),
            "parameters": model.size(llm),
            "answers": [
                {
                    "category": v.prompt.category,
                    "user": v.prompt.user,
                    "answer": v.answer.text,
                    "passed": v.passed,
                }
                for v in verdicts
            ],
        },
    )
    hits = evaluate.guesses(llm, [ssm, second], tok, heldout.prompts())
    record(
        plan,
        "ssm_heldout",
        {
            **asdict(evaluate.agreement(hits[:, 0])),
            "loss": evaluate.heldout_loss(ssm, tok),
            "parameters": model.size(ssm),
        },
    )
    record(plan, "ssm_2_heldout", {**asdict(evaluate.together(hits)), "parameters": model.size(second)})
    results = json.loads((plan.out / "results.json").read_text())
    (plan.out / "demo" / "README.md").write_text(card.llm_card(results))
    (plan.out / "demo-ssm" / "README.md").write_text(card.ssm_card(results))
    (plan.out / "demo-ssm-2" / "README.md").write_text(card.ssm_2_card(results))


def record(plan: Plan, name: str, value: object) -> None:
    """Puts one entry into OUT/results.json."""
    file = plan.out / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**results, name: value}, indent=1, ensure_ascii=False))


def install(plan: Plan, assets: Path = ASSETS) -> None:
    """Copies the finished folders into the package."""
    for name in NAMES:
        shutil.copytree(plan.out / name, assets / name, dirs_exist_ok=True)
