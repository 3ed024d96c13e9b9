"What a model may read beside the bases: composition, k-mers, melting temperature, motifs."
