"""How much faster are k-mer counts than scikit-learn's CountVectorizer on character n-grams?

    python benchmarks/kmers.py [promoters]

Both count the k-mers of the same random 80 bp sequences on one thread, turn by turn (best of five), the library from
`uint8` codes, scikit-learn from text with its vocabulary given, so that neither has to find it. The counts are compared
first.
"""
import sys
import time

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from kept import keep, ratio
from promoter_nb.features.kmers import kmer_counts, kmer_names
from promoter_nb.data.sequence import decode


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main(promoters=20_000):
    codes = np.random.default_rng(0).integers(0, 4, (promoters, 80), dtype=np.uint8)
    texts = decode(codes)
    ratios = []
    for k in (3, 4, 5, 6, 8):
        vectorizer = CountVectorizer(analyzer="char", ngram_range=(k, k), lowercase=False, vocabulary=kmer_names(k))
        assert (kmer_counts(codes, k) != vectorizer.transform(texts)).nnz == 0
        times = [(seconds(kmer_counts, codes, k), seconds(vectorizer.transform, texts)) for _ in range(5)]
        ours, theirs = map(min, zip(*times))
        ratios.append(ratio(f"counts of {k}-mers", promoters/ours, promoters/theirs, "CountVectorizer"))
    keep("kmers", ratios)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
