"A trained model in use: predict, score variants, design, train your own."
