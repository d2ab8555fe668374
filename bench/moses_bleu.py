"""BLEU on lowercased Moses tokens, as papers on Multi30k print it, beside this project's.

    python -m bench.moses_bleu en-fr --source test.en --reference test.fr --language fr

Both sides are tokenised by sacremoses (normalised punctuation, no escapes) and scored by sacrebleu
with `tokenize=none`. It is for comparison with papers alone: such scores depend on the tokeniser,
and are higher than with sacrebleu's own tokens where a language writes apostrophes (Post 2018,
https://aclanthology.org/W18-6319).
"""

import argparse
from pathlib import Path

import sacrebleu
from sacremoses import MosesPunctNormalizer, MosesTokenizer

import core
from core.text.parallel import read_pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--language", required=True, help="of the reference, such as fr")
    chosen = parser.parse_args()
    pairs = list(read_pairs(chosen.source, chosen.reference))
    translations = core.load(chosen.checkpoint).translate([source for source, _ in pairs])
    normalizer = MosesPunctNormalizer(chosen.language)
    tokenizer = MosesTokenizer(chosen.language)

    def tokens(text: str) -> str:
        normal = normalizer.normalize(text.lower())
        return tokenizer.tokenize(normal, return_str=True, escape=False)

    references = [reference for _, reference in pairs]
    moses = sacrebleu.metrics.BLEU(tokenize="none", force=True)
    score = moses.corpus_score(list(map(tokens, translations)), [list(map(tokens, references))])
    own = sacrebleu.metrics.BLEU(lowercase=True)
    print(f"Moses tokens, lowercased: {score.score:.2f}, {moses.get_signature()}")
    print(f"13a, lowercased: {own.corpus_score(translations, [references]).score:.2f}")


if __name__ == "__main__":
    main()
