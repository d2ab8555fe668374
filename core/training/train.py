"""One training, from its settings to the last step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.config import ModelConfig, TrainConfig
from core.training.texts import Texts

if TYPE_CHECKING:
    from core.model import Transformer
    from core.training.run_folder import RunFolder
    from core.training.trainer import Scorer
    from core.training.workers import Workers


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training: where, on what, what, and how."""

    run: "RunFolder"
    texts: Texts
    config: ModelConfig
    settings: TrainConfig


def run_training(job: TrainingJob, group: "Workers", device: str) -> None:
    import torch

    from core.model import build
    from core.training.objective import TeacherForcing
    from core.training.trainer import Trainer

    torch.manual_seed(job.settings.seed)
    model = build(job.config).to(device)
    Trainer(
        objective=TeacherForcing(model, label_smoothing=job.settings.label_smoothing),
        corpus=job.texts.corpus,
        validation=job.texts.validation,
        config=job.settings,
        run=job.run,
        group=group,
        score=_bleu_scorer(job.texts, job.settings.n_validation_translations),
    ).train()


def _bleu_scorer(texts: Texts, n_sentences: int) -> "Scorer":
    """Greedy translations of the first validation sentences, scored by sacrebleu (cased, 13a)."""
    from core.config import SearchConfig
    from core.decoding.search import search
    from core.evaluation.scores import translation_scores

    greedy = SearchConfig(method="greedy", n_candidates=0)

    def score(model: "Transformer") -> dict[str, float]:
        values = {}
        for name, corpus in texts.validation.items():
            n = min(n_sentences, len(corpus))
            if not n:
                continue
            pairs = [corpus.pair(i) for i in range(n)]
            found = search(model, [source[:-1].tolist() for source, _ in pairs], greedy)
            translations = [texts.vocabulary.target.decode(f.best.tokens) for f in found]
            references = [
                texts.vocabulary.target.decode(target[:-1].tolist()) for _, target in pairs
            ]
            scores = translation_scores(translations, references, n_bootstrap=1)
            values[f"bleu_{name}"] = round(scores["bleu"].value, 2)
        return values

    return score
