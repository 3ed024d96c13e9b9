"Sequences, their flanks, data sets, and the files that people bring and take away."
